import type { PeerIdentity } from "../peer.ts";

/** What the operator wants of a peer beside what the config says of it. */
export interface AdminState {
  /** Shut down: no session. */
  readonly disabled: boolean;
  /** Told that all we announce is the last resort (RFC 8326), while the session stays. */
  readonly draining: boolean;
  /** Why, in the operator's words: the peer is told, too (RFC 9003). */
  readonly text: string;
}

export const enabled: AdminState = { disabled: false, draining: false, text: "" };
const shutDown: AdminState = { disabled: true, draining: false, text: "" };

/** One neighbor, or all of a group, those to come too. */
export type AdminTarget = { readonly address: string } | { readonly group: string };

/**
 * What was said by command of neighbors and groups: it holds until something else is said, through every reload, and is gone with a
 * restart. What was said last of a neighbor or of its group counts; the config (`shutdown`) where nothing was.
 */
export class Administration {
  readonly #peers = new Map<string, AdminState>();
  readonly #groups = new Map<string, AdminState>();

  /** @param members of the group, if it is one */
  say(target: AdminTarget, state: AdminState, members: readonly string[]): void {
    if ("address" in target) this.#peers.set(target.address, state);
    else {
      this.#groups.set(target.group, state);
      for (const address of members) this.#peers.delete(address);
    }
  }

  /** Whether something was said of this very neighbor, who may be away. */
  names(address: string): boolean {
    return this.#peers.has(address);
  }

  stateOf({ address, settings }: PeerIdentity): AdminState {
    const ofGroup = settings.peerGroup === null ? undefined : this.#groups.get(settings.peerGroup);
    return this.#peers.get(address) ?? ofGroup ?? (settings.shutdown ? shutDown : enabled);
  }
}
