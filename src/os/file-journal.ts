import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/** A small text kept in a file, replaced as a whole or not at all. Neither call throws. */
export class FileJournal {
  readonly #path: string;
  readonly #trouble: (sentence: string) => void;

  constructor(path: string, trouble: (sentence: string) => void) {
    this.#path = path;
    this.#trouble = trouble;
  }

  read(): string | null {
    try {
      return readFileSync(this.#path, "utf8");
    } catch {
      return null;
    }
  }

  write(text: string): void {
    const fresh = `${this.#path}.new`;
    try {
      writeFileSync(fresh, text, { mode: 0o600 });
      renameSync(fresh, this.#path);
    } catch (error) {
      this.#trouble(`Cannot write the journal ${this.#path}: ${(error as Error).message}`);
      try {
        rmSync(fresh, { force: true }); // half of it, on a disk that is full
      } catch {
        // the reason was told already
      }
    }
  }
}
