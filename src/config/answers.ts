import { ConfigErrors } from "./errors.ts";
import { thisHost } from "./host.ts";
import { loadConfig } from "./load.ts";
import { inPieces } from "./pieces.ts";
import type { ReadAnswer, ReadOrder } from "./reader.ts";

/** What the reader of configs says, one after the other: reads at the first, and never throws. */
export function* answersTo(order: ReadOrder): Generator<ReadAnswer> {
  let config: ReturnType<typeof loadConfig>;
  try {
    config = loadConfig(order.file, hostFor(order));
  } catch (error) {
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

function hostFor({ texts }: ReadOrder): ReturnType<typeof thisHost> {
  const host = thisHost();
  if (texts === undefined) return host;
  return {
    ...host,
    readFile: (path) => {
      if (Object.hasOwn(texts, path)) return texts[path]!;
      throw Object.assign(new Error("it was not sent along"), { code: "ENOENT" });
    },
    isWorldReadable: () => false,
  };
}
