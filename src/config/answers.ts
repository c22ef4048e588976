import { isAbsolute } from "node:path";
import { ConfigErrors } from "./errors.ts";
import { type Host, thisHost } from "./host.ts";
import { loadConfig } from "./load.ts";
import { inPieces } from "./pieces.ts";
import { NotAConfig, type ReadAnswer, type ReadOrder, type SentConfig } from "./reader.ts";

/** What the reader of configs says, one after the other: reads at the first, and never throws. */
export function* answersTo(order: ReadOrder): Generator<ReadAnswer> {
  let config: ReturnType<typeof loadConfig>;
  try {
    if ("file" in order) config = loadConfig(order.file);
    else {
      const sent = sentConfig(order.sent);
      config = loadConfig(sent.file, hostOf(sent));
    }
  } catch (error) {
    if (error instanceof NotAConfig) {
      yield { notAConfig: error.message };
      return;
    }
    yield error instanceof ConfigErrors
      ? { faults: error.errors.map(({ message, place, path }) => ({ message, place, path })) }
      : { bug: (error as Error).stack ?? String(error) };
    return;
  }
  const pieces = inPieces(config);
  let piece = pieces.next();
  while (!piece.done) {
    const next = pieces.next();
    yield { piece: piece.value, last: next.done === true };
    piece = next;
  }
}

/** @throws NotAConfig */
function sentConfig(bytes: Uint8Array): SentConfig {
  let sent: Partial<SentConfig>;
  try {
    sent = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) ?? {};
  } catch {
    throw new NotAConfig("The body must be JSON: {file, texts, unreadable}");
  }
  const { file, texts, unreadable = {} } = sent;
  if (typeof file !== "string" || !isAbsolute(file)) throw new NotAConfig("file must be an absolute path");
  if (!areTexts(texts) || !areTexts(unreadable)) throw new NotAConfig("texts and unreadable must be texts by path");
  return { file, texts, unreadable };
}

const areTexts = (value: unknown): value is Record<string, string> =>
  typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string");

/** This machine, with the files that were sent and no others. */
const hostOf = ({ texts, unreadable }: SentConfig): Host => ({
  ...thisHost(),
  readFile: (path) => {
    if (Object.hasOwn(texts, path)) return texts[path]!;
    throw new Error(Object.hasOwn(unreadable, path) ? unreadable[path] : "it was not sent along");
  },
  isWorldReadable: () => false,
});
