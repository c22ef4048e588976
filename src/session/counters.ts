/** Messages of one session since its peer was configured, indexed by message type (1 OPEN .. 5 ROUTE-REFRESH); index 0 is the sum. */
export interface MessageCounters {
  readonly received: readonly number[];
  readonly sent: readonly number[];
}

/** How late KEEPALIVEs left, summed over all sessions that share it: the source of `bgp_keepalive_lag_seconds`. */
export class KeepaliveLag {
  /** Upper bounds in milliseconds; the last bucket is open. */
  static readonly boundsMs: readonly number[] = [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000];
  /** KEEPALIVEs by lag, one element per bound and one more; not cumulative. */
  readonly buckets: number[] = new Array<number>(KeepaliveLag.boundsMs.length + 1).fill(0);
  count = 0;
  totalMs = 0;
  maxMs = 0;

  record(lagMs: number): void {
    const lag = Math.max(0, lagMs);
    this.count++;
    this.totalMs += lag;
    if (lag > this.maxMs) this.maxMs = lag;
    let i = 0;
    while (i < KeepaliveLag.boundsMs.length && lag > KeepaliveLag.boundsMs[i]!) i++;
    this.buckets[i]!++;
  }
}
