import type { Config, MaximumPrefixConfig } from "../config/model.ts";
import type { ExportPolicyPort } from "../export/ports.ts";
import { parseIpv4 } from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import { afiOf, type Family, families, familyName, SAFI_UNICAST } from "../lib/family.ts";
import type { Log } from "../lib/log.ts";
import { LOOPBACK_SCOPE } from "../nexthop/next-hop-tracker.ts";
import { ExportPolicy } from "../policy/export-policy.ts";
import type { Agreed } from "../session/agreed.ts";
import type { State } from "../session/fsm/state.ts";
import type { DownReason, NotificationView, SessionHandlers } from "../session/handlers.ts";
import type { AttributeFault } from "../wire/attribute/fault.ts";
import { CeaseError, cease, maximumPrefixesReached } from "../wire/errors.ts";
import { decodeRouteRefresh, RefreshKind } from "../wire/message/route-refresh.ts";
import type { Convergence } from "./convergence.ts";
import { groupKey, ownSide } from "./group-key.ts";
import type { Intake } from "./intake.ts";
import type { LocalAddresses } from "./local-addresses.ts";
import { MEMORY_REST_MS } from "./memory-guard.ts";
import { Outbox } from "./outbox.ts";
import type { OwnRestart } from "./own-restart.ts";
import { type LiveSession, type Peer, policySourceOf, sourceInfoOf } from "./peer.ts";
import type { PolicyBook } from "./policy-book.ts";
import type { OwnSide } from "./policy-definitions.ts";
import type { StaleRoutes } from "./stale-routes.ts";
import type { Tables } from "./tables.ts";
import type { UpdateGroups } from "./update-groups.ts";
import type { UpdateFindings, UpdateReader } from "./update-reader.ts";
import type { WorkLoop } from "./work-loop.ts";

/** What sessions are linked to. */
export interface LinkParts {
  readonly config: () => Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly tables: Tables;
  readonly reader: UpdateReader;
  readonly groups: UpdateGroups;
  readonly stale: StaleRoutes;
  readonly loop: WorkLoop;
  readonly convergence: Convergence;
  readonly book: PolicyBook;
  readonly local: LocalAddresses;
  /** The last step of what is advertised; changes when the speaker drains. */
  readonly finish: () => ((set: number) => number) | null;
  /** A session has come up or gone down; the peer's state is settled. */
  readonly changed: (peer: Peer) => void;
  readonly restart: OwnRestart;
  readonly intake: Intake;
  /** Memory is short: no new sessions. */
  readonly isFull: () => boolean;
}

/** How many octets of a faulty UPDATE go into the log line. */
const LOGGED_OCTETS = 256;

/** Links one peer's session to tables and update groups. One object per peer. */
export class SessionLink implements SessionHandlers, UpdateFindings {
  readonly #peer: Peer;
  readonly #parts: LinkParts;
  /** Of the session that is up or was last: routes that are kept from it are judged by it. */
  #agreed: Agreed | null = null;
  /** Why it doesn't come up, as the log was told: a reason that stays is said once, not at each attempt. */
  #hindrance = "";

  constructor(peer: Peer, parts: LinkParts) {
    this.#peer = peer;
    this.#parts = parts;
  }

  established(agreed: Agreed): void {
    const peer = this.#peer;
    const { tables, stale, loop } = this.#parts;
    if (peer.source === 0 && this.#parts.isFull()) {
      peer.session.fail(cease(CeaseError.OutOfResources), MEMORY_REST_MS);
      return;
    }
    this.#agreed = agreed;
    this.#hindrance = "";
    peer.everEstablished = true;
    peer.remoteAs = agreed.remoteAs;
    peer.remoteRouterId = agreed.remoteRouterId;
    const info = sourceInfoOf(peer.identity, agreed);
    if (peer.source === 0) peer.source = tables.sources.add(info);
    else tables.sources.update(peer.source, info);
    tables.bind(peer.source, peer);
    this.usePolicies(agreed);
    this.#setLimits();
    stale.returned(peer, agreed);
    const live: LiveSession = {
      agreed,
      ...this.#reading(agreed),
      source: peer.source,
      outbox: new Outbox(peer.session),
      memberships: [],
      endOfRibReceived: families.map(() => false),
    };
    peer.live = live;
    this.#parts.restart.established(peer, agreed);
    for (const family of agreed.families) this.joinGroup(family);
    this.#say("info", "established", `session with ${peer.address} is up`, {
      as: agreed.remoteAs,
      families: agreed.families.map(familyName).join(" "),
      holdTime: agreed.holdTimeSeconds,
    });
    this.#parts.changed(peer);
    loop.touch();
  }

  /** From now on the peer is told what we know, unless selection is deferred: then it hears nothing, not even End-of-RIB. */
  joinGroup(family: Family): void {
    const peer = this.#peer;
    const { live } = peer;
    const { groups, restart } = this.#parts;
    if (live === null || restart.defers(family) || live.memberships[family]) return;
    if (!live.agreed.families.includes(family)) return;
    const { key, policy } = this.#group(live.agreed, family, this.#own(live.agreed));
    live.memberships[family] = groups.join(key, policy, {
      source: peer.source,
      write: (chunks, taken) => live.outbox.write(chunks, taken),
    });
  }

  down(reason: DownReason): void {
    const peer = this.#peer;
    const { live } = peer;
    if (live === null) return;
    peer.live = null;
    this.#parts.intake.forget(peer.session);
    for (const membership of live.memberships) if (membership) this.#parts.groups.leave(membership);
    peer.overLimit.fill(false);
    this.#parts.stale.wentAway(peer, live.agreed, reason);
    this.#say("warn", "down", `session with ${peer.address} is down: ${reason.text}`);
    this.#parts.changed(peer);
    this.#parts.loop.touch();
  }

  update(bytes: Uint8Array, start: number, end: number): void {
    const { live } = this.#peer;
    if (live === null) return;
    this.#parts.convergence.heard();
    this.#parts.reader.read(live, bytes, start, end, this);
    this.#parts.loop.touch();
  }

  chunkDone(): void {
    this.checkLimits();
    if (this.#peer.live !== null) this.#parts.intake.chunkRead(this.#peer.session);
  }

  /** Compares with maximum-prefix what there is now. */
  checkLimits(): void {
    if (this.#peer.live === null) return;
    for (const family of families) if (this.#peer.settings.families[family]?.maximumPrefix) this.#checkLimit(family);
  }

  routeRefresh(bytes: Uint8Array, start: number, end: number): void {
    const { live } = this.#peer;
    if (live === null) return;
    const { family, kind } = decodeRouteRefresh(bytes, start, end, live.agreed.enhancedRouteRefresh);
    const membership = family === undefined ? undefined : live.memberships[family];
    if (family === undefined || membership === undefined) return;
    if (kind === RefreshKind.Request) {
      membership.group.refresh(membership.member, live.agreed.enhancedRouteRefresh);
      this.#say("info", "route-refresh", `${this.#peer.address} asked for its ${familyName(family)} routes again`);
    } else if (kind === RefreshKind.Begin) {
      // RFC 7313 §4: before End-of-RIB the peer is still telling its routes for the first time.
      if (live.agreed.gracefulRestart !== null && !live.endOfRibReceived[family]) return;
      this.#parts.stale.refreshBegins(this.#peer, family);
    } else if (kind === RefreshKind.End) this.#parts.stale.refreshEnds(this.#peer, family);
    this.#parts.loop.touch();
  }

  endOfRib(family: Family): void {
    const { live } = this.#peer;
    if (live === null) return;
    live.endOfRibReceived[family] = true;
    this.#parts.stale.endOfRib(this.#peer, family);
    this.#say("debug", "end-of-rib", `${this.#peer.address} has told all its ${familyName(family)} routes`);
    this.#parts.restart.endOfRib(this.#peer, family);
  }

  faults(faults: readonly AttributeFault[], bytes: Uint8Array): void {
    const shown = bytes.subarray(0, LOGGED_OCTETS);
    for (const fault of faults)
      this.#say(
        "warn",
        "update-fault",
        `${this.#peer.address} sent a faulty ${fault.name}: ${fault.text}; ${outcome[fault.action]} (RFC 7606)`,
        { update: Buffer.from(shown).toString("hex"), cut: bytes.length > shown.length },
      );
  }

  stateChanged(from: State, to: State, reason: string): void {
    this.#say("debug", "state", `${this.#peer.address}: ${from} to ${to}${reason === "" ? "" : `, ${reason}`}`, {
      from,
      to,
    });
    const failed = to === "Active" || to === "Idle";
    if (failed && from !== "Established" && reason !== "" && reason !== this.#hindrance) {
      this.#hindrance = reason;
      this.#say("info", "no-session", `no session with ${this.#peer.address} yet: ${reason}`);
    }
    // A member of a range that got no further than this is forgotten again.
    if (failed) this.#parts.changed(this.#peer);
  }

  notification(direction: "sent" | "received", { code, subcode, data }: NotificationView, text: string): void {
    this.#say(
      "warn",
      "notification",
      `${direction} NOTIFICATION ${direction === "sent" ? "to" : "from"} ${this.#peer.address}: ${text}`,
      {
        code,
        subcode,
        data: Buffer.from(data.subarray(0, LOGGED_OCTETS)).toString("hex"),
      },
    );
  }

  bug(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#say("error", "bug", `session with ${this.#peer.address} was ended by an error of ours: ${text}`);
  }

  restartState(): { restarting: boolean; forwarding: (family: Family) => boolean } {
    return {
      restarting: this.#parts.restart.returning,
      // A session that comes back while we run on finds our forwarding as it was, too: without the bit a lost connection would
      // cost what a lost node does.
      forwarding: (family) => this.#peer.everEstablished || this.#parts.restart.forwards(family),
    };
  }

  /** Takes on the policies of today's config, for what comes in. True if that changes anything. */
  usePolicies(agreed: Agreed): boolean {
    const peer = this.#peer;
    const { settings } = peer;
    const config = this.#parts.config();
    const before = peer.pipeline;
    const pipeline = this.#parts.book.pipeline(
      config,
      {
        peerKind: settings.kind,
        ownAsns: [...new Set([config.router.as, settings.localAs])],
        allowasIn: settings.allowAsIn,
        routerId: parseIpv4(config.router.routerId),
        clusterId: parseIpv4(config.router.clusterId),
        role: settings.role,
        remoteAs: agreed.remoteAs,
        refuseDefaultRoute: peer.identity.dynamic && settings.importPolicy === null,
      },
      settings.importPolicy,
      this.#own(agreed),
    );
    const source = policySourceOf(peer.identity);
    const sourceChanged = JSON.stringify(source) !== JSON.stringify(peer.policySource);
    if (sourceChanged) peer.policySource = source;
    peer.pipeline = pipeline;
    return before !== pipeline || sourceChanged;
  }

  /**
   * After a reload that leaves the session up: the peer is told, and its routes are judged, as the new config says. Judged are
   * also those that are kept while the peer restarts.
   */
  reconfigured(): void {
    const peer = this.#peer;
    const { live } = peer;
    const { tables, groups, stale } = this.#parts;
    const agreed = this.#agreed;
    if (agreed === null || peer.source === 0) return;
    const before = tables.sources.info(peer.source);
    const info = sourceInfoOf(peer.identity, agreed);
    tables.sources.update(peer.source, info);
    // Whom its routes go to is another matter now, in every group (RFC 4456 §6).
    if (before?.client !== info.client) groups.reevaluate();
    this.#setLimits();
    if (this.usePolicies(agreed)) stale.reevaluate(peer.source);
    this.checkLimits();
    if (live === null || peer.live === null) return;
    Object.assign(live, this.#reading(agreed));
    const own = this.#own(agreed);
    for (const family of agreed.families) {
      const membership = live.memberships[family];
      if (membership === undefined) continue;
      const { key, policy } = this.#group(agreed, family, own);
      live.memberships[family] = groups.move(membership, key, policy);
    }
    this.#parts.loop.touch();
  }

  /** Whether routes were turned away that would be taken in now, the limit being higher than it was. */
  get hasRoom(): boolean {
    const peer = this.#peer;
    return families.some((family) => {
      if (peer.live === null) return false;
      const maximum = peer.settings.families[family]?.maximumPrefix ?? null;
      const counts = this.#parts.tables.byFamily[family]!.counts(peer.source);
      return counts.refused > 0 && counts[maximum?.count ?? "received"] < boundOf(maximum);
    });
  }

  /** The policy of what goes out in one family, as the group asks for it. */
  exportPolicy(agreed: Agreed, family: Family): ExportPolicy {
    const { config, book, tables, finish } = this.#parts;
    const { settings } = this.#peer;
    return new ExportPolicy(
      {
        peerKind: settings.kind,
        policy: book.policy(config(), settings.exportPolicy, this.#own(agreed)),
        finish: finish(),
      },
      family,
      tables.byFamily[family]!.prefixes,
      (source) => tables.policySource(source),
    );
  }

  #group(
    agreed: Agreed,
    family: Family,
    own: OwnSide,
  ): { key: ReturnType<typeof groupKey>; policy: () => ExportPolicyPort } {
    const { identity } = this.#peer;
    const config = this.#parts.config();
    const text = this.#parts.book.text(config, identity.settings.exportPolicy, own);
    return {
      key: groupKey(config, identity, agreed, family, own, text),
      policy: () => this.exportPolicy(agreed, family),
    };
  }

  #own(agreed: Agreed): OwnSide {
    return ownSide(this.#parts.config(), this.#peer.identity, agreed, this.#parts.local);
  }

  /** How UPDATEs are read: as agreed, and by what today's config says, which may be newer than the OPENs. */
  #reading(agreed: Agreed): Pick<LiveSession, "codec" | "context"> {
    const { dropAttributes, enforceFirstAs } = this.#peer.settings;
    const codec = { ...agreed.codec, dropAttributes: new Set(dropAttributes), enforceFirstAs };
    return { codec, context: this.#parts.tables.store.context(codec, scopeOf(agreed, this.#parts.local)) };
  }

  /**
   * What is over the limit is never taken in: with `discard` that is all there is to it; with `restart` the first one that is too many
   * tells that the session has to end, and no more than that has been stored by then.
   */
  #setLimits(): void {
    for (const family of families) {
      const maximum = this.#peer.settings.families[family]?.maximumPrefix ?? null;
      const bound = boundOf(maximum);
      const received = maximum?.count === "accepted" ? Number.POSITIVE_INFINITY : bound;
      const accepted = maximum?.count === "accepted" ? bound : Number.POSITIVE_INFINITY;
      this.#parts.tables.byFamily[family]!.setLimit(this.#peer.source, received, accepted);
    }
  }

  #checkLimit(family: Family): void {
    const peer = this.#peer;
    const limit = peer.settings.families[family]!.maximumPrefix!;
    const table = this.#parts.tables.byFamily[family]!;
    const count = table.counts(peer.source)[limit.count];
    // With `discard` the count stops at the limit; what was turned away tells.
    const refused = limit.action === "discard" && table.counts(peer.source).refused > 0;
    const over = refused ? count >= limit.limit : count > limit.limit;
    if (over === peer.overLimit[family]) return;
    peer.overLimit[family] = over;
    if (!over) return;
    this.#say(
      "warn",
      "maximum-prefix",
      `${peer.address} has ${count} ${familyName(family)} routes, the limit is ${limit.limit}`,
      {
        action: limit.action,
      },
    );
    if (limit.action === "restart")
      peer.session.fail(
        maximumPrefixesReached(afiOf(family), SAFI_UNICAST, limit.limit),
        limit.restartAfterSeconds * 1000,
      );
  }

  #say(
    level: "debug" | "info" | "warn" | "error",
    name: string,
    message: string,
    fields: Record<string, string | number | boolean | null> = {},
  ): void {
    this.#parts.log.event(level, name, message, { peer: this.#peer.address, ...fields });
  }
}

/** What a next hop without a meaning of its own means on this session: on its link, or on the loopback that it runs on. */
function scopeOf({ localAddress }: Agreed, local: LocalAddresses): number {
  if (localAddress.startsWith("127.")) return LOOPBACK_SCOPE;
  return localAddress.toLowerCase().startsWith("fe80:") ? local.interfaceOf(localAddress) : 0;
}

const boundOf = (maximum: MaximumPrefixConfig | null): number => {
  if (maximum === null || maximum.action === "warn") return Number.POSITIVE_INFINITY;
  return maximum.action === "restart" ? maximum.limit + 1 : maximum.limit;
};

const outcome = {
  "attribute-discard": "the attribute was discarded",
  "treat-as-withdraw": "its routes were treated as withdrawn",
  "session-reset": "the session was reset",
} as const;
