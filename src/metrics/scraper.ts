import { Registry } from "prom-client";
import type { MetricsSource, PeerMetrics } from "../view/metrics-port.ts";
import type { Sample, Series } from "./series.ts";

/** Series that are written in one slice, and peers that are read in one. */
const SLICE = 500;

/**
 * Writes the text of a scrape in slices: a thousand peers have 20,000 series, and BGP is served in between. What several metrics
 * show is read once, so that sums and parts agree.
 */
export class Scraper {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #source: MetricsSource;
  readonly #series: readonly Series[];

  constructor(source: MetricsSource, series: readonly Series[]) {
    this.#source = source;
    this.#series = series;
  }

  /** @param turn resolves when the next slice may be written */
  async text(turn: () => Promise<void>): Promise<Buffer> {
    const peers: PeerMetrics[] = [];
    for (const peer of this.#source.peers()) {
      peers.push(peer);
      if (peers.length % SLICE === 0) await turn();
    }
    const gathered = { peers, totals: this.#source.totals };
    const parts: Buffer[] = [];
    let written = 0;
    for (const series of this.#series) {
      let slice: Sample[] = [];
      let isFirst = true;
      const write = async () => {
        const text = await format(series, slice);
        // Name, type and help stand before the first slice alone.
        parts.push(Buffer.from(`${isFirst ? text : text.split("\n").slice(2).join("\n")}\n`));
        isFirst = false;
        written += slice.length;
        slice = [];
      };
      for (const sample of series.read(gathered)) {
        slice.push(sample);
        if (slice.length < SLICE) continue;
        await write();
        await turn();
      }
      if (isFirst || slice.length > 0) await write();
      if (written < SLICE) continue;
      written = 0;
      await turn();
    }
    return Buffer.concat(parts);
  }
}

/** Some values of a metric as `prom-client` writes them; it asks a metric for `get()` alone. */
function format({ name, help, type }: Series, values: readonly Sample[]): Promise<string> {
  const registry = new Registry();
  const metric = { name, get: async () => ({ name, help, type, values, aggregator: "sum" as const }), reset() {} };
  registry.registerMetric(metric as unknown as Parameters<typeof registry.registerMetric>[0]);
  return registry.getSingleMetricAsString(name);
}
