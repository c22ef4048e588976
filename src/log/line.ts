import { escapedJson, escapeText } from "../lib/escape.ts";
import type { LogFields, LogLevel } from "../lib/log.ts";

export type LogFormat = "text" | "json";

/** One event. */
export interface Entry {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: LogLevel;
  readonly name: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** Longer text is cut: a peer may put 64 KB into a message. */
const MAX_TEXT = 2000;

/**
 * An event as one line without its newline. Text: `TIME LEVEL event: message key=value ...`, quoted where a value has
 * spaces. JSON: the same under `time`, `level`, `event`, `message`, with the fields beside them.
 */
export function formatEntry(entry: Entry, format: LogFormat): string {
  const time = new Date(entry.time).toISOString();
  if (format === "json") {
    const fields: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(entry.fields))
      fields[reserved.has(key) ? `${key}_` : key] = typeof value === "string" ? cut(value) : value;
    return escapedJson({ time, level: entry.level, event: entry.name, message: cut(entry.message), ...fields });
  }
  let line = `${time} ${entry.level.toUpperCase().padEnd(5)} ${entry.name}: ${escapeText(cut(entry.message))}`;
  for (const [key, value] of Object.entries(entry.fields))
    if (value !== null) line += ` ${key}=${typeof value === "string" ? quoted(cut(value)) : value}`;
  return line;
}

const reserved: ReadonlySet<string> = new Set(["time", "level", "event", "message"]);

/** A value that splits at white space and `=` stays whole. */
function quoted(value: string): string {
  const text = escapeText(value);
  return text === "" || /[\s"=]/.test(text) ? `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"` : text;
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}... (${text.length - MAX_TEXT} more)` : text;
}
