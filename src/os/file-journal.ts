import { readText, replaceText } from "../lib/plain-file.ts";
import { systemReason } from "../lib/system-errors.ts";

/**
 * A small text kept in a file, replaced as a whole or not at all. Read like any other input: what lies there may be no file of ours, and is
 * then told and left alone. Neither call throws or waits.
 */
export class FileJournal {
  readonly #path: string;
  readonly #trouble: (sentence: string) => void;

  constructor(path: string, trouble: (sentence: string) => void) {
    this.#path = path;
    this.#trouble = trouble;
  }

  read(): string | null {
    try {
      return readText(this.#path, { own: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT")
        this.#trouble(`Cannot read the journal ${this.#path}: ${reasonOf(error)}; this start is as the first one`);
      return null;
    }
  }

  write(text: string): void {
    try {
      replaceText(this.#path, text);
    } catch (error) {
      this.#trouble(`Cannot write the journal ${this.#path}: ${reasonOf(error)}`);
    }
  }
}

const reasonOf = (error: unknown): string => systemReason(error, { ELOOP: "it is a symbolic link" });
