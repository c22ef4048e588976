import type { LocalAddresses } from "../../kernel/local-addresses.ts";
import type { KernelLink } from "../../kernel/reader.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import type { Peer } from "../peer.ts";
import type { SessionLink } from "../peers/session-link.ts";

/** An address that is renewed or moved to another link is away for a moment, and back before anybody needs to hear of it. */
const SETTLE_MS = 1000;

export interface LocalEndsParts {
  readonly clock: Clock;
  readonly local: LocalAddresses;
  readonly peers: Iterable<Peer>;
  linkOf(peer: Peer): SessionLink;
}

/**
 * The near ends of sessions: the link that each goes over, the address that it comes from, and the addresses beside it that peers
 * are told as next hop. All of these come and go while sessions are up, and nothing on the wire tells of it.
 */
export class LocalEnds {
  readonly #parts: LocalEndsParts;
  #timer: Timer | null = null;

  constructor(parts: LocalEndsParts) {
    this.#parts = parts;
  }

  linkDown(link: KernelLink): void {
    const { peers, linkOf, local } = this.#parts;
    for (const peer of peers) linkOf(peer).linkDown(link, local);
  }

  /** Addresses have come or gone. */
  changed(): void {
    this.#timer ??= this.#parts.clock.setTimer(SETTLE_MS, () => this.#settled());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #settled(): void {
    this.#timer = null;
    const { local, peers, linkOf } = this.#parts;
    for (const peer of peers) {
      const address = peer.live?.agreed.localAddress;
      // The kernel neither sends from it nor takes what comes for it: what is left is the hold timer.
      if (address !== undefined && local.hasLost(address))
        peer.session.disconnect(`our address ${address} is no longer there`);
      else linkOf(peer).ownAddressesChanged();
    }
  }
}
