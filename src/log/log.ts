import { type Log, type LogFields, type LogLevel, logLevels } from "../lib/log.ts";
import { formatEntry, type LogFormat } from "./line.ts";
import { BoundedSink, type LineSink, type RawWriter } from "./sink.ts";

/**
 * The log room: events (`lib/log.ts`) become lines (`line.ts`), and lines leave through a sink that never blocks, never
 * throws and rather loses lines than memory (`sink.ts`, `writer.ts`). Only the composition root knows this room; everyone
 * else is handed a `Log`.
 */
export interface Logger extends Log {
  /** Written whatever the level: the line by which others see that the daemon is ready. */
  always(name: string, message: string, fields?: LogFields): void;
  /** Holds from the next line on. */
  configure(format: LogFormat, level: LogLevel): void;
  /** Lines lost so far. */
  readonly dropped: number;
  /** Writes out what is queued, as far as that works before the time is up. */
  close(deadlineMs: number): Promise<void>;
}

/** @param wallTime milliseconds since 1970 */
export function createLogger(write: RawWriter, wallTime: () => number, format: LogFormat, level: LogLevel): Logger {
  return new SinkLogger(write, wallTime, format, level);
}

class SinkLogger implements Logger {
  readonly #sink: LineSink;
  readonly #wallTime: () => number;
  #format: LogFormat;
  #least: number;

  constructor(write: RawWriter, wallTime: () => number, format: LogFormat, level: LogLevel) {
    this.#wallTime = wallTime;
    this.#format = format;
    this.#least = logLevels.indexOf(level);
    this.#sink = new BoundedSink(write, {
      lost: (count) =>
        this.#line("warn", "log-lines-dropped", `${count} log lines were lost here: nobody took them`, { count }),
    });
  }

  get dropped(): number {
    return this.#sink.dropped;
  }

  configure(format: LogFormat, level: LogLevel): void {
    this.#format = format;
    this.#least = logLevels.indexOf(level);
  }

  event(level: LogLevel, name: string, message: string, fields: LogFields = {}): void {
    if (logLevels.indexOf(level) >= this.#least) this.#sink.write(this.#line(level, name, message, fields));
  }

  always(name: string, message: string, fields: LogFields = {}): void {
    this.#sink.write(this.#line("info", name, message, fields));
  }

  close(deadlineMs: number): Promise<void> {
    return this.#sink.close(deadlineMs);
  }

  #line(level: LogLevel, name: string, message: string, fields: LogFields): string {
    return formatEntry({ time: this.#wallTime(), level, name, message, fields }, this.#format);
  }
}
