import { isDeepStrictEqual } from "node:util";
import type { Config, MetricsConfig, MrtConfig } from "./config/model.ts";
import type { MrtDumps } from "./dump/mrt-dumps.ts";
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
  #mrtConfig: MrtConfig | null = null;
  #mrt: MrtDumps | null = null;

  constructor(speaker: Speaker, log: Logger, clock: Clock, turns: Turns) {
    this.#speaker = speaker;
    this.#log = log;
    this.#clock = clock;
    this.#turns = turns;
  }

  /** @throws MetricsRefused */
  async start({ telemetry: { metrics, mrt } }: Config): Promise<void> {
    await this.#dump(mrt);
    await this.#serve(metrics);
  }

  /** Takes on a config that was read again. What can't be had is logged: the router goes on. */
  async adopt({ telemetry: { metrics, mrt, log } }: Config): Promise<void> {
    this.#log.configure(log.format, log.level);
    await this.#dump(mrt);
    try {
      await this.#serve(metrics);
    } catch (error) {
      this.#log.event("warn", "metrics", (error as Error).message);
    }
  }

  /** `peerage mrt --dump`; null: no MRT files are configured. @throws what the disk said */
  async dumpTables(): Promise<string | null> {
    return (await this.#mrt?.dump()) ?? null;
  }

  async close(): Promise<void> {
    await this.#mrt?.close();
    this.#mrt = null;
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

  /** Writes MRT files as configured from now on. */
  async #dump(config: MrtConfig | null): Promise<void> {
    if (isDeepStrictEqual(config, this.#mrtConfig)) return;
    this.#mrtConfig = config;
    await this.#mrt?.close();
    this.#mrt = null;
    if (config === null) return;
    const { MrtDumps } = await import("./dump/mrt-dumps.ts");
    const parts = { speaker: this.#speaker, clock: this.#clock, log: this.#log, turn: () => this.#turns.next() };
    this.#mrt = new MrtDumps(config, parts);
  }
}
