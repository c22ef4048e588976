import type { State } from "./fsm/state.ts";

/**
 * Connection collision (RFC 4271 §6.8): a second small machine above two FSMs, pure as they are. It answers when a connection has
 * got its OPEN and another one of the same peer exists.
 *
 * The rule: the connection stays that was opened by the side with the higher BGP identifier (RFC 6286 §2.3: with equal ones, the
 * higher AS). Taken literally it can kill both: while one side drops the loser because the winner's OPEN came, the other already
 * counts the loser as Established and drops the winner. So the loser's KEEPALIVE is held back while the winner's OPEN may
 * still come ("wait"): without it the other side cannot reach Established on the loser.
 */
export interface Contender {
  readonly state: State;
  /** We dialled it. */
  readonly initiatedByUs: boolean;
  /** It came up after the other one. */
  readonly newer: boolean;
}

/**
 * "proceed": go on with this connection, the other stays what it is; "wait": hold this one's OPEN back until the other is decided;
 * "yield": close this one; "take": close the other one and go on.
 */
export type Verdict = "proceed" | "wait" | "yield" | "take";

/** Whether our side's connection is the one that stays. */
export const weDominate = (
  local: { readonly routerId: number; readonly as: number },
  remote: { readonly routerId: number; readonly as: number },
): boolean => (local.routerId === remote.routerId ? local.as > remote.as : local.routerId > remote.routerId);

/** What becomes of `self`, which has just got a good OPEN, beside `other`. */
export function judge(self: Contender, other: Contender | null, dominant: boolean): Verdict {
  if (other === null) return "proceed";
  const sameSide = self.initiatedByUs === other.initiatedByUs;
  // Two from one side: it has given up the older one, whatever the identifiers say.
  const wins = sameSide ? self.newer : self.initiatedByUs === dominant;
  switch (other.state) {
    case "Idle":
    case "Connect":
    case "Active":
      return "take"; // stop dialling: from here on our KEEPALIVE is out
    case "OpenSent":
      if (sameSide) return wins ? "take" : "proceed";
      return wins ? "proceed" : "wait";
    case "OpenConfirm":
      return wins ? "take" : "yield";
    case "Established":
      return "yield";
  }
}

/** How long a loser waits for the winner's OPEN: less than any hold time that the other side may have started. */
export const patienceMs = (holdMs: number): number => (holdMs === 0 ? 5_000 : Math.min(5_000, holdMs / 3));
