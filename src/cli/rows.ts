/**
 * Splits `{"routes":[ROW,ROW,...]}` as it arrives into its rows, so that a table of a million routes is shown as it
 * comes instead of being held as one text.
 */
export class RowSplitter<R> {
  /** What is not a whole row yet. */
  #rest = "";
  /** How much of `#rest` has been looked at, and how deep in braces and brackets that is. */
  #seen = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #rowStart = -1;
  readonly #decoder = new TextDecoder();

  /** The rows that are complete with this chunk. */
  push(chunk: Uint8Array): R[] {
    this.#rest += this.#decoder.decode(chunk, { stream: true });
    const rows: R[] = [];
    for (; this.#seen < this.#rest.length; this.#seen++) {
      const code = this.#rest.charCodeAt(this.#seen);
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (code === BACKSLASH) this.#escaped = true;
        else if (code === QUOTE) this.#inString = false;
      } else if (code === QUOTE) this.#inString = true;
      else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
        // Depth 1 is the answer, 2 the list: what opens inside it is a row.
        if (this.#depth === 2) this.#rowStart = this.#seen;
        this.#depth++;
      } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
        this.#depth--;
        if (this.#depth === 2 && this.#rowStart >= 0) {
          rows.push(JSON.parse(this.#rest.slice(this.#rowStart, this.#seen + 1)) as R);
          this.#rowStart = -1;
        }
      }
    }
    const keep = this.#rowStart < 0 ? this.#rest.length : this.#rowStart;
    this.#rest = this.#rest.slice(keep);
    this.#seen -= keep;
    if (this.#rowStart >= 0) this.#rowStart = 0;
    return rows;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
