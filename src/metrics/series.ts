import type { Durations, MetricsSource, PeerMetrics } from "../view/metrics-port.ts";

/** One value of a metric under its labels. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Of a histogram's parts: `..._bucket`, `..._sum`, `..._count`. */
  readonly metricName?: string;
}

/** What one scrape reads once and several metrics show. */
export interface Gathered {
  readonly peers: readonly PeerMetrics[];
  readonly totals: MetricsSource["totals"];
}

/** A metric whose values are read when it is scraped: our counters are plain numbers elsewhere, and nothing is kept here. */
export interface Series {
  readonly type: "gauge" | "counter" | "histogram";
  readonly name: string;
  readonly help: string;
  /** May be left in the middle and gone on with in another turn. */
  read(gathered: Gathered): Iterable<Sample>;
}

/** The samples of a histogram in seconds, its buckets cumulative as Prometheus has them. */
export function* histogram(
  name: string,
  durations: Durations,
  labels: Readonly<Record<string, string>> = {},
): Generator<Sample> {
  let below = 0;
  for (const [i, bound] of durations.boundsMs.entries()) {
    below += durations.buckets[i]!;
    yield { metricName: `${name}_bucket`, labels: { ...labels, le: bound / 1000 }, value: below };
  }
  yield { metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: durations.count };
  yield { metricName: `${name}_sum`, labels, value: durations.totalMs / 1000 };
  yield { metricName: `${name}_count`, labels, value: durations.count };
}
