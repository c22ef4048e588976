import type { Metric, Registry } from "prom-client";
import type { Durations } from "../view/metrics-port.ts";

/** One value of a metric under its labels. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Of a histogram's parts: `..._bucket`, `..._sum`, `..._count`. */
  readonly metricName?: string;
}

/**
 * Registers a metric whose values are read when it is scraped: our counters are plain numbers elsewhere, and nothing is
 * kept here. `prom-client` asks a metric for `get()` alone when it writes the text.
 */
export function register(
  registry: Registry,
  type: "gauge" | "counter" | "histogram",
  name: string,
  help: string,
  read: () => Iterable<Sample>,
): void {
  const metric = {
    name,
    get: async () => ({ name, help, type, values: [...read()], aggregator: "sum" as const }),
    reset() {},
  };
  registry.registerMetric(metric as unknown as Metric<string>);
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
