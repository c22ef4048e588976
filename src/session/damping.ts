/**
 * Peer oscillation damping (RFC 4271 §8.1.1): a peer whose sessions end again and again by a message error is kept in Idle for a
 * while, longer each time. The first failure costs nothing, and an outage or a Cease never counts, so that an honest peer is
 * back at once.
 */
const firstDampedMs = 100;

/** A session that stood this long has forgiven what was before. */
export const forgivenAfterMs = 60_000;

/** Failures in a row after one more end. */
export const countFailures = (failures: number, fault: boolean, establishedForMs: number): number => {
  const before = establishedForMs >= forgivenAfterMs ? 0 : failures;
  return fault ? before + 1 : before;
};

/** How long Idle lasts: 1 ms is "not at all", as an automatic start is an event of its own. */
export const idleHoldMs = (failures: number, fault: boolean, maxMs: number): number =>
  !fault || failures < 2 || maxMs <= 0 ? 1 : Math.min(maxMs, firstDampedMs * 2 ** Math.min(failures - 2, 20));
