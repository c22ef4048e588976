import type { MrtConfig } from "../config/model.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Speaker } from "../speaker/speaker.ts";
import { writeTables } from "./table-file.ts";
import { UpdateFiles } from "./update-files.ts";

export interface MrtDumpsParts {
  readonly speaker: Speaker;
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves when a slice of work may be done. */
  readonly turn: () => Promise<void>;
}

/**
 * `telemetry.mrt` (RFC 6396, 8050): updates as they come (`update-files.ts`), tables on a schedule and when asked for (`table-file.ts`), each in
 * a file that has its name when it is whole (`dump-file.ts`). Loaded only where it is configured. Sessions never wait for a disk, and what one
 * says is said once.
 */
export class MrtDumps {
  readonly #parts: MrtDumpsParts;
  readonly #config: MrtConfig;
  readonly #updates: UpdateFiles | null;
  #timer: Timer | null = null;
  #stopped = false;
  /** The dump under way: who asks meanwhile gets the same. */
  #dumping: Promise<string | null> | null = null;
  /** What was said last, so that it is said once. */
  #trouble: string | null = null;

  constructor(config: MrtConfig, parts: MrtDumpsParts) {
    this.#config = config;
    this.#parts = parts;
    const { speaker, clock } = parts;
    this.#updates =
      config.rotateSeconds === 0
        ? null
        : new UpdateFiles({
            clock,
            directory: config.directory,
            rotateSeconds: config.rotateSeconds,
            compress: config.compress,
            localAs: () => speaker.config.router.as,
            trouble: (text) => this.#say(text),
          });
    if (this.#updates !== null) speaker.watchers.add(this.#updates);
    this.#schedule();
  }

  /** Writes the tables now; the name of the file. @throws what the disk said */
  async dump(): Promise<string> {
    const name = await this.#dump();
    if (name === null) throw new Error("the daemon is about to end, or has another config by now");
    return name;
  }

  async close(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    if (this.#updates !== null) {
      this.#parts.speaker.watchers.remove(this.#updates);
      await this.#updates.close();
    }
    await this.#dumping?.catch(() => {});
  }

  #dump(): Promise<string | null> {
    const { speaker, clock, turn } = this.#parts;
    const { directory, compress } = this.#config;
    this.#dumping ??= writeTables({
      speaker,
      clock,
      directory,
      compress,
      turn,
      isStopped: () => this.#stopped,
    }).finally(() => {
      this.#dumping = null;
    });
    return this.#dumping;
  }

  /** At multiples of the interval, as collectors do. */
  #schedule(): void {
    const everyMs = this.#config.tablesEverySeconds * 1000;
    if (everyMs === 0 || this.#stopped) return;
    const { clock, log } = this.#parts;
    this.#timer = clock.setTimer(everyMs - (clock.wallTime() % everyMs), () => {
      this.#dump().then(
        (name) => {
          this.#say(null);
          if (name !== null) log.event("debug", "mrt", `the tables are in ${name}`);
        },
        (error: Error) => this.#say(error.message),
      );
      this.#schedule();
    });
  }

  #say(trouble: string | null): void {
    const before = this.#trouble;
    this.#trouble = trouble;
    if (trouble === before) return;
    const { log } = this.#parts;
    if (trouble !== null)
      log.event("warn", "mrt", `MRT files can't be written to ${this.#config.directory}: ${trouble}`);
    else log.event("info", "mrt", `MRT files can be written to ${this.#config.directory} again`);
  }
}
