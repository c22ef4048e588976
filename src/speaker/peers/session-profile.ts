import type { Config, PeerSettings } from "../../config/model.ts";
import { parseIpv4 } from "../../lib/address.ts";
import { families } from "../../lib/family.ts";
import type { SessionProfile } from "../../session/settings.ts";
import type { SocketOptions } from "../../session/transport.ts";
import { type Role, roleNames } from "../../wire/capability/role.ts";

/** IP precedence "internetwork control", which RFC 4271 appendix E asks for. */
const TOS_INTERNETWORK_CONTROL = 0xc0;
/** How long a listed peer, and one that only came out of a range, may take to send its OPEN. */
const OPEN_HOLD_MS = 240_000;
const OPEN_HOLD_DYNAMIC_MS = 60_000;
/**
 * Longest pause of a peer whose sessions keep failing (RFC 4271 §8.1.1). Who connects meanwhile is refused, so it is short: enough that a
 * peer in a loop costs next to nothing, and too little to keep one out that has been mended.
 */
const IDLE_HOLD_MAX_MS = 1_000;

/** Profiles as they are needed: one object for all peers for whom it comes out equal, thousands of them. */
export class SessionProfiles {
  #bySettings = new WeakMap<PeerSettings, SessionProfile>();
  #byText = new Map<string, SessionProfile>();

  of(config: Config, peer: PeerSettings, dynamic: boolean): SessionProfile {
    // Members of a range share their settings, too; listed neighbors have some of their own each.
    const known = this.#bySettings.get(peer);
    if (known !== undefined) return known;
    const made = sessionProfile(config, peer, dynamic);
    const text = JSON.stringify(made, asText);
    const profile = this.#byText.get(text) ?? made;
    this.#byText.set(text, profile);
    this.#bySettings.set(peer, profile);
    return profile;
  }

  /** Forgets everything; whoever has a profile keeps it. After a reload: settings mean something else in another config. */
  clear(): void {
    this.#byText = new Map();
    this.#bySettings = new WeakMap();
  }
}

const asText = (_: string, value: unknown): unknown =>
  value instanceof Set ? [...value] : value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;

/** The config's words for one peer, or for all members of a range, in the words of the session room. */
function sessionProfile(config: Config, peer: PeerSettings, dynamic: boolean): SessionProfile {
  const { timers, gracefulRestart } = peer;
  return {
    localAs: peer.localAs,
    routerId: parseIpv4(config.router.routerId),
    remoteAs: peer.kind === "internal" ? "internal" : peer.remoteAs,
    holdTimeSeconds: timers.holdTimeSeconds,
    keepaliveSeconds: timers.keepaliveSeconds,
    minHoldTimeSeconds: 3,
    connectRetryMs: timers.connectRetrySeconds * 1000,
    delayOpenMs: timers.delayOpenSeconds * 1000,
    openHoldMs: dynamic ? OPEN_HOLD_DYNAMIC_MS : OPEN_HOLD_MS,
    sendHoldMs: timers.sendHoldSeconds === null ? null : timers.sendHoldSeconds * 1000,
    idleHoldMaxMs: IDLE_HOLD_MAX_MS,
    passive: dynamic || peer.passive,
    socket: socketOptions(peer),
    offer: {
      families: families.filter((family) => peer.families[family]),
      fourOctetAs: true,
      routeRefresh: true,
      enhancedRouteRefresh: true,
      extendedMessages: peer.extendedMessages,
      extendedNextHop: peer.extendedNextHop,
      addPath: families.map(() => ({ send: peer.addPath.send !== 0, receive: peer.addPath.receive })),
      gracefulRestart: gracefulRestart && {
        restartTimeSeconds: gracefulRestart.restarter ? gracefulRestart.restartTimeSeconds : 0,
        notification: true,
      },
      longLivedStaleSeconds: gracefulRestart?.longLivedSeconds ?? 0,
      longLivedRestarter: gracefulRestart?.restarter ?? false,
      role: peer.role && (roleNames.indexOf(peer.role) as Role),
      roleStrict: false,
      hostName: { host: config.router.name, domain: "" },
    },
    dropAttributes: new Set(peer.dropAttributes),
    enforceFirstAs: peer.enforceFirstAs,
  };
}

function socketOptions(peer: PeerSettings): SocketOptions {
  return {
    tos: TOS_INTERNETWORK_CONTROL,
    ...(peer.kind === "external" && { ttl: peer.ttl }),
    ...(peer.ttlSecurity !== null && { ttl: 255, minTtl: 256 - peer.ttlSecurity }),
    ...(peer.password && { md5Key: Buffer.from(peer.password.reveal()) }),
  };
}
