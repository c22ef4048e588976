import { createWriteStream } from "node:fs";
import { link, mkdir, rm, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { Writable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";

/** Octets that may wait for the disk; whoever writes without waiting hears of it then. */
const MAX_BACKLOG = 8 << 20;

/**
 * A file in the making: it has `.part` behind its name until it is whole, so that nobody reads half of one. Nothing here throws but what the
 * caller waits for.
 */
export class DumpFile {
  readonly #part: string;
  readonly #names: readonly string[];
  #head: Writable | null = null;
  #written: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  /** @param names in the order in which they are wanted: a file that is there is never written over */
  constructor(names: readonly string[], part: string) {
    this.#names = names;
    this.#part = part;
  }

  /** Why nothing more can be written; null: all is well. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** @throws the file system's error */
  async open(compress: boolean): Promise<void> {
    await mkdir(dirname(this.#part), { recursive: true });
    const file = createWriteStream(this.#part, { flags: "w", mode: 0o644, highWaterMark: 256 << 10 });
    await new Promise<void>((resolve, reject) => {
      file.once("open", () => resolve());
      file.once("error", reject);
    });
    // The fastest level: the writer shares its processor with BGP, and the next levels take a tenth off for twice the time.
    const gzip = compress ? createGzip({ level: 1 }) : null;
    const head = gzip ?? file;
    this.#head = head;
    this.#written = gzip !== null ? pipeline(gzip, file) : finished(file);
    this.#written.catch((error: Error) => {
      this.#failure ??= error;
    });
    head.on("error", () => {});
  }

  /** Takes a copy's worth: `bytes` belong to the file from now on. False: too much waits, or the file has failed. */
  write(bytes: Uint8Array): boolean {
    if (this.#head === null || this.#failure !== null || this.#head.writableLength > MAX_BACKLOG) return false;
    this.#head.write(bytes);
    return true;
  }

  /** Resolves when more may be written. @throws what the disk said */
  async drained(): Promise<void> {
    const head = this.#head;
    if (head?.writableNeedDrain && this.#failure === null) {
      const drain = new Promise<void>((resolve) => {
        head.once("drain", resolve);
        head.once("close", resolve);
      });
      await drain;
    }
    if (this.#failure !== null) throw this.#failure;
  }

  /** The file is whole: it gets its name, which is returned. @throws what the disk said; nothing is left then */
  async finish(): Promise<string> {
    try {
      this.#head?.end();
      await this.#written;
      return await this.#rename();
    } catch (error) {
      await this.discard();
      throw error;
    }
  }

  async discard(): Promise<void> {
    this.#head?.destroy();
    await this.#written.catch(() => {});
    await rm(this.#part, { force: true }).catch(() => {});
  }

  async #rename(): Promise<string> {
    for (const name of this.#names)
      try {
        await link(this.#part, name);
        await unlink(this.#part);
        return name;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    throw new Error(`${this.#names[0]} is there already, and so are the names beside it`);
  }
}

/** The names that a file of this second may have: the usual one, and others if that is taken. */
export function namesFor(directory: string, kind: "updates" | "rib", wallMs: number, compress: boolean): string[] {
  const [, year, month, day, hour, minute, second] = /(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/.exec(
    new Date(wallMs).toISOString(),
  )!;
  const stem = `${directory}/${kind}.${year}${month}${day}.${hour}${minute}`;
  const end = compress ? ".gz" : "";
  return ["", second!, ...Array.from({ length: 9 }, (_, i) => `${second}-${i + 1}`)].map((more) => stem + more + end);
}
