import type { Config, MetricsConfig } from "./config/model.ts";
import type { Turns } from "./http/turns.ts";
import type { Clock } from "./lib/clock.ts";
import type { Logger } from "./log/log.ts";
import { thisProcess } from "./metrics/process-figures.ts";
import type { Scraper } from "./metrics/scraper.ts";
import { type MetricsServer, startMetricsServer } from "./metrics/server.ts";
import type { Speaker } from "./speaker/speaker.ts";
import { version } from "./version.ts";
import { LiveMetrics } from "./view/live-metrics.ts";
import { readinessOf } from "./view/readiness.ts";

/** The daemon's `telemetry`: what of it follows a config that was read again. */
export class Telemetry {
  readonly #speaker: Speaker;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #turns: Turns;
  #config: MetricsConfig | null = null;
  #server: MetricsServer | null = null;
  /** Made with the first server: counting for nobody costs memory. */
  #figures: ReturnType<typeof thisProcess> | null = null;
  #metrics: Scraper | null = null;

  constructor(speaker: Speaker, log: Logger, clock: Clock, turns: Turns) {
    this.#speaker = speaker;
    this.#log = log;
    this.#clock = clock;
    this.#turns = turns;
  }

  /** @throws MetricsRefused */
  async start({ telemetry: { metrics } }: Config): Promise<void> {
    await this.#serve(metrics);
  }

  /** Takes on a config that was read again. What can't be had is logged: the router goes on. */
  async adopt({ telemetry: { metrics, log } }: Config): Promise<void> {
    this.#log.configure(log.format, log.level);
    try {
      await this.#serve(metrics);
    } catch (error) {
      this.#log.event("warn", "metrics", (error as Error).message);
    }
  }

  async close(): Promise<void> {
    await this.#server?.close();
    this.#server = null;
    this.#figures?.stop();
  }

  async #serve(metrics: MetricsConfig | null): Promise<void> {
    const before = this.#config?.listen;
    const same = metrics && before && before.host === metrics.listen.host && before.port === metrics.listen.port;
    this.#config = metrics;
    if (same && this.#server) return;
    await this.#server?.close();
    this.#server = null;
    if (!metrics) return;
    this.#figures ??= thisProcess(() => this.#log.dropped);
    // Loaded only now: the library for it takes megabytes and a tenth of the start, and most daemons in a lab serve no metrics.
    const { metricsOf } = await import("./metrics/metrics.ts");
    this.#metrics ??= metricsOf(
      new LiveMetrics(this.#speaker, version),
      this.#figures,
      () => this.#config?.perPeerUpTo ?? 0,
    );
    this.#server = await startMetricsServer({
      metrics: this.#metrics,
      readiness: () => readinessOf(this.#speaker),
      listen: metrics.listen,
      clock: this.#clock,
      log: this.#log,
      turns: this.#turns,
      hosts: () => this.#config?.hosts ?? [],
    });
  }
}
