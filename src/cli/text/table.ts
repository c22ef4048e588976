import { escapeText } from "../../lib/escape.ts";

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

export type Cell = string | number;

/**
 * Rows under titles, each column as wide as its widest cell, two spaces apart; the last left-aligned one is not padded.
 * Cells are escaped here: nothing that a peer wrote reaches the terminal as it came.
 */
export class Table {
  readonly #columns: readonly Column[];
  readonly #widths: number[];

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
    this.#widths = columns.map((column) => column.title.length);
  }

  /** Text of the rows with titles above; later calls go on below with the widths so far. */
  format(rows: readonly (readonly Cell[])[], titles = true): string {
    const shown = rows.map((row) => row.map((cell) => escapeText(String(cell))));
    for (const row of shown)
      for (const [i, cell] of row.entries()) this.#widths[i] = Math.max(this.#widths[i]!, widthOf(cell));
    const lines = titles ? [this.#columns.map((column) => column.title), ...shown] : shown;
    return lines.map((cells) => `${this.#line(cells)}\n`).join("");
  }

  #line(cells: readonly string[]): string {
    return cells
      .map((cell, i) => {
        const gap = " ".repeat(Math.max(0, this.#widths[i]! - widthOf(cell)));
        return this.#columns[i]!.align === "right" ? `${gap}${cell}` : `${cell}${gap}`;
      })
      .join("  ")
      .trimEnd();
  }
}

/** Characters, not code units; wide ones count as one, which is near enough for a description. */
const widthOf = (text: string): number => [...text].length;
