/**
 * What happened, told as events. Rooms never print: they are handed a `Log` (or report through a port of their own) and
 * the composition root decides where lines go. The shipped writer is `src/log/`: bounded, lossy, never throwing.
 */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** All levels, the quietest last. */
export const logLevels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** One event: a short kebab-case name, a sentence for people, and fields. Never throws, never blocks. */
export interface Log {
  event(level: LogLevel, name: string, message: string, fields?: LogFields): void;
}

/** Swallows everything: for tests and for parts whose events nobody asked for. */
export const silentLog: Log = { event() {} };
