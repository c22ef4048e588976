import type { Config } from "../../config/model.ts";
import { isLinkLocal, parseAddress } from "../../lib/address.ts";
import { PeerSession, type SessionEnvironment } from "../../session/peer-session.ts";
import type { SessionSettings } from "../../session/settings.ts";
import { Peer, type PeerIdentity } from "../peer.ts";
import { Administration } from "./administration.ts";
import { type LinkParts, SessionLink } from "./session-link.ts";
import { SessionProfiles } from "./session-profile.ts";

/** Makes peers, each with its session and the link between the two, and knows which link is whose. */
export class PeerMaker {
  readonly administration = new Administration();
  readonly #config: () => Config;
  /** One of each for all peers. */
  readonly #environment: SessionEnvironment;
  readonly #linkParts: LinkParts;
  readonly #profiles = new SessionProfiles();
  readonly #links = new WeakMap<Peer, SessionLink>();

  constructor(config: () => Config, environment: SessionEnvironment, linkParts: LinkParts) {
    this.#config = config;
    this.#environment = environment;
    this.#linkParts = linkParts;
  }

  make(identity: PeerIdentity): Peer {
    const made = new Peer(identity, (peer) => {
      const link = new SessionLink(peer, this.#linkParts);
      this.#links.set(peer, link);
      return new PeerSession(this.settingsOf(identity), this.#environment, link);
    });
    made.admin = this.administration.stateOf(identity);
    return made;
  }

  linkOf(peer: Peer): SessionLink {
    return this.#links.get(peer)!;
  }

  /** What the session of such a peer goes by under today's config. */
  settingsOf({ settings, dynamic, address }: PeerIdentity): SessionSettings {
    return {
      profile: this.#profiles.of(this.#config(), settings, dynamic),
      remoteAddress: address,
      remotePort: settings.port,
      ...(settings.localAddress !== null && { localAddress: onLinkOf(address, settings.localAddress) }),
    };
  }

  /** The config is another one. */
  reconfigured(): void {
    this.#profiles.clear();
  }
}

/** A link-local address can't be bound without its link, which is the neighbor's. */
function onLinkOf(neighbor: string, localAddress: string): string {
  const zone = neighbor.indexOf("%");
  return zone < 0 || !isLinkLocal(parseAddress(localAddress)) ? localAddress : localAddress + neighbor.slice(zone);
}
