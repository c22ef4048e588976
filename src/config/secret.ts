import { inspect } from "node:util";
import type { Secret } from "./model.ts";

/** TCP_MD5SIG_MAXKEYLEN of Linux. */
const MAX_KEY_OCTETS = 80;

/** Holds a secret so that printing, logging or serialising it shows only where it came from. */
export class LoadedSecret implements Secret {
  readonly source: Secret["source"];
  readonly #value: string;

  constructor(source: Secret["source"], value: string) {
    this.source = source;
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toJSON(): unknown {
    return this.source;
  }

  toString(): string {
    return "file" in this.source
      ? `secret from file ${this.source.file}`
      : `secret from environment ${this.source.env}`;
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

/** What is wrong with a key as TCP MD5 key, as "must be ..."; undefined if nothing. */
export function faultOfKey(value: string): string | undefined {
  const octets = Buffer.byteLength(value);
  if (octets === 0) return "must not be empty";
  if (octets > MAX_KEY_OCTETS) return `must be at most ${MAX_KEY_OCTETS} octets, has ${octets}`;
  return undefined;
}

/** One trailing newline belongs to the file, not to the secret. */
export const cutNewline = (text: string): string => text.replace(/\r?\n$/, "");
