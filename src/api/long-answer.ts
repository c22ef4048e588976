import type { Reply } from "../http/reply.ts";
import { escapedJson } from "../lib/escape.ts";
import type { PathRow } from "../view/model.ts";
import type { RoutePiece } from "../view/view-port.ts";
import type { List } from "./routes.ts";

export const JSON_TYPE = "application/json";
/** Characters of a list that are written at once: longer texts are what a garbage collector is slow with. */
const PIECE = 16 * 1024;

/** An answer that takes several slices to make, each in a turn of its own; null if the client has left meanwhile. */
export async function made(reply: Reply, making: Generator<undefined, object>): Promise<object | null> {
  try {
    for (;;) {
      const { done, value } = making.next();
      if (done) return value;
      await reply.turn();
      if (reply.gone) return null;
    }
  } finally {
    making.return({});
  }
}

/** Sends a list slice by slice, as the client takes it. */
export async function sendList(reply: Reply, { head, list, slices }: List): Promise<void> {
  reply.begin(200, { "content-type": JSON_TYPE });
  const rows = new RowWriter();
  let text = `{${head === undefined ? "" : `${escapedJson(head).slice(1, -1)},`}${JSON.stringify(list)}:[`;
  // Leaving early ends the walk, too: `for...of` calls the iterator's `return`.
  for (const slice of slices) {
    for (const row of slice) {
      text += rows.text(row);
      if (text.length < PIECE) continue;
      await reply.write(text);
      text = "";
    }
    await reply.write(text);
    text = "";
    if (!reply.gone) await reply.turn();
    if (reply.gone) return;
  }
  await reply.end(`${text}]}\n`);
}

/** Rows as the elements of a JSON list; a row that comes in pieces is put together again. */
class RowWriter {
  #hasRows = false;
  /** The row before isn't whole yet: its paths so far are written. */
  #open: { hasPaths: boolean } | null = null;

  text(row: object): string {
    const { more, paths = [] } = row as Partial<RoutePiece>;
    if (this.#open !== null) return this.#goOn(this.#open, paths, more === true);
    const comma = this.#hasRows ? "," : "";
    this.#hasRows = true;
    if (more !== true) return `${comma}${escapedJson(row)}`;
    this.#open = { hasPaths: paths.length > 0 };
    const { prefix } = row as RoutePiece;
    return `${comma}${escapedJson({ prefix, paths }).slice(0, -2)}`;
  }

  #goOn(open: { hasPaths: boolean }, paths: readonly PathRow[], more: boolean): string {
    const text = paths.length === 0 ? "" : `${open.hasPaths ? "," : ""}${escapedJson(paths).slice(1, -1)}`;
    open.hasPaths ||= paths.length > 0;
    if (more) return text;
    this.#open = null;
    return `${text}]}`;
  }
}
