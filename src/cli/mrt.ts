import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { MrtReader } from "../mrt/reader.ts";
import type { MrtFault, MrtItem } from "../mrt/record.ts";
import { CliFailure, type CliIo, Exit } from "./io.ts";
import { jsonOf, textOf } from "./text/mrt.ts";

/** Faults that are told one by one; a file that isn't what it claims has as many as records. */
const MAX_FAULTS = 20;
/** Octets that are decoded before what came of them is handed on. */
const PIECE = 64 << 10;

/**
 * `peerage mrt FILE`: prints what is in an MRT file, `-` for stdin, also compressed by gzip. It is read as it is printed, however large it is;
 * what can't be read is told with its place, and what comes behind it is printed. 1 if there was anything of that.
 */
export async function printMrt(
  file: string,
  options: { readonly json?: boolean },
  io: CliIo,
  stdin: AsyncIterable<Uint8Array> = process.stdin,
): Promise<number> {
  const format = options.json ? jsonOf : textOf;
  const faults: MrtFault[] = [];
  let faulty = 0;
  let waiting: string[] = [];
  const others = new Map<string, number>();
  const reader = new MrtReader({
    item: (item: MrtItem) => {
      if (item.kind === "other") others.set(item.what, (others.get(item.what) ?? 0) + 1);
      const text = format(item);
      if (text !== "") waiting.push(text);
    },
    fault: (fault) => {
      faulty++;
      if (faulty <= MAX_FAULTS) faults.push(fault);
    },
  });
  let broken: string | null = null;
  try {
    for await (const chunk of decompressed(file === "-" ? stdin : createReadStream(file))) {
      for (let at = 0; at < chunk.length && reader.stopped === null; at += PIECE) {
        reader.push(chunk.subarray(at, at + PIECE));
        const text = waiting.join("");
        waiting = [];
        if (text !== "") await io.out(text);
        for (const { offset, text } of faults.splice(0))
          io.err(`${file}: octet ${offset}: ${text}; the record is left out\n`);
      }
      if (reader.stopped !== null) break;
    }
    reader.end();
  } catch (error) {
    if (!isOfFile(error)) throw error;
    broken = `${file}: ${sentenceOf(error)}`;
  }
  if (faulty > MAX_FAULTS) io.err(`${file}: ${faulty - MAX_FAULTS} more records are left out\n`);
  if (!options.json)
    for (const [what, count] of others)
      io.err(`${file}: not shown: ${what} (${count} ${count === 1 ? "record" : "records"})\n`);
  const { stopped } = reader;
  if (stopped !== null) broken ??= `${file}: octet ${stopped.offset}: ${stopped.text}`;
  if (broken !== null) throw new CliFailure(Exit.failed, [{ message: broken, place: null }]);
  return faulty > 0 ? Exit.failed : Exit.done;
}

interface FileError extends Error {
  readonly code: string;
}

/** An error of the file system or of the decompressor, with its code; whatever else is thrown is not the file's fault. */
const isOfFile = (error: unknown): error is FileError =>
  error instanceof Error && typeof (error as Partial<FileError>).code === "string";

const sentences: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "may not be read by this user",
  EISDIR: "is a folder, not a file",
  Z_BUF_ERROR: "ends inside its gzip stream; what could be read of it is printed",
  Z_DATA_ERROR: "its gzip stream is damaged; what could be read of it is printed",
};

const sentenceOf = ({ code, message }: FileError): string => sentences[code] ?? message;

/** The octets of a file, unpacked where its first octets say that it is packed, whatever its name. @throws FileError, CliFailure */
async function* decompressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  let first: Uint8Array = new Uint8Array(0);
  while (first.length < 3) {
    const { value, done } = await chunks.next();
    if (done) break;
    first = first.length === 0 ? value : Buffer.concat([first, value]);
  }
  const rest = async function* (): AsyncGenerator<Uint8Array> {
    if (first.length > 0) yield first;
    yield* { [Symbol.asyncIterator]: () => chunks };
  };
  for (const { magic, name, tool } of otherPackers)
    if (magic.every((octet, i) => first[i] === octet))
      throw new CliFailure(Exit.failed, `The file is packed by ${name}: \`${tool} FILE | peerage mrt -\` reads it`);
  if (first[0] !== 0x1f || first[1] !== 0x8b) return yield* rest();
  const gunzip = createGunzip();
  // What goes wrong before the end is thrown by `gunzip` to whoever reads it.
  const { pipeline } = await import("node:stream/promises");
  const fed = pipeline(rest(), gunzip).catch(() => {});
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } finally {
    gunzip.destroy();
    await fed;
  }
}

const otherPackers = [
  { magic: [0x42, 0x5a, 0x68], name: "bzip2", tool: "bzcat" },
  { magic: [0xfd, 0x37, 0x7a], name: "xz", tool: "xzcat" },
  { magic: [0x28, 0xb5, 0x2f], name: "zstd", tool: "zstdcat" },
] as const;
