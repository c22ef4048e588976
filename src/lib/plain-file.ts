import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from "node:fs";

/** Ten times what an inventory of 20,000 nodes has. */
const MAX_OCTETS = 16 * 2 ** 20;

/** What is wrong with a file that can be read, and where. */
export class TextFault extends Error {
  readonly line: number;
  readonly column: number;

  constructor(message: string, line: number, column: number) {
    super(message);
    this.name = "TextFault";
    this.line = line;
    this.column = column;
  }
}

/** What may stand where a file should; to read from it might take for ever. */
const notAFile: readonly (readonly [is: (stats: Stats) => boolean, called: string])[] = [
  [(stats) => stats.isDirectory(), "a directory"],
  [(stats) => stats.isFIFO(), "a pipe"],
  [(stats) => stats.isSocket(), "a socket"],
];

/** Whoever gives us a config by `<(...)` or `/dev/stdin` hands us a pipe that is open already; one in the file system may wait for its writer. */
const HANDED_IN = /^\/(dev\/(fd\/|stdin$)|proc\/self\/fd\/)/;

/**
 * A whole file as text, without ever waiting for it. @throws as `node:fs` does, or TextFault.
 * @param own a file of this program's: nobody hands it in, and it is no link to another one
 */
export function readText(path: string, { own = false } = {}): string {
  const chunks: Buffer[] = [];
  const handedIn = !own && HANDED_IN.test(path);
  // To open a pipe waits for its other end, unless told not to.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (own ? constants.O_NOFOLLOW : 0);
  const file = openSync(path, handedIn ? "r" : flags);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() && !handedIn) {
      const called = notAFile.find(([is]) => is(stats))?.[1] ?? "a device";
      throw new TextFault(`it is ${called}, not a file`, 1, 1);
    }
    for (let octets = 0; ; ) {
      const chunk = Buffer.allocUnsafe(2 ** 16);
      const count = readSync(file, chunk);
      if (count === 0) break;
      octets += count;
      if (octets > MAX_OCTETS) throw new TextFault(`it is larger than ${MAX_OCTETS / 2 ** 20} MiB`, 1, 1);
      chunks.push(chunk.subarray(0, count));
    }
  } finally {
    closeSync(file);
  }
  return decodeText(Buffer.concat(chunks));
}

/** @throws TextFault where it isn't UTF-8: what a lenient decoder makes of it would be another path, or another secret. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    let [line, start] = [1, 0];
    for (let end = bytes.indexOf(10); end >= 0 && isText(bytes.subarray(start, end)); end = bytes.indexOf(10, start)) {
      line++;
      start = end + 1;
    }
    const before = new TextDecoder().decode(bytes.subarray(start)).indexOf("\ufffd");
    throw new TextFault("it isn't UTF-8 text", line, Math.max(0, before) + 1);
  }
}

function isText(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/**
 * Puts a file of this program's in place, for its owner only: as a whole or not at all, whatever lies where it is made. @throws as `node:fs` does.
 */
export function replaceText(path: string, text: string): void {
  const fresh = `${path}.new`;
  // What is there is half of an earlier one, or a link that somebody laid to have another file written to.
  rmSync(fresh, { force: true });
  try {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const file = openSync(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      writeFileSync(file, text);
    } finally {
      closeSync(file);
    }
    renameSync(fresh, path);
  } catch (error) {
    try {
      rmSync(fresh, { force: true }); // half of it, on a disk that is full
    } catch {
      // the reason is told already
    }
    throw error;
  }
}
