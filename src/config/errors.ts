import type { Place } from "./model.ts";

export type Path = readonly (string | number)[];

/** One thing that is wrong with a configuration, in a sentence, and where it stands. */
export class ConfigError extends Error {
  readonly place: Place;
  /** Keys from the top of the file. */
  readonly path: Path;

  constructor(message: string, place: Place, path: Path = []) {
    super(message);
    this.name = "ConfigError";
    this.place = place;
    this.path = path;
  }

  /** `FILE:LINE:COL: text`, as editors and compilers have it. */
  toLine(): string {
    return `${formatPlace(this.place)}: ${this.message}`;
  }
}

/** Everything that is wrong with a configuration, in the order of the files. */
export class ConfigErrors extends Error {
  readonly errors: readonly ConfigError[];

  constructor(errors: readonly ConfigError[]) {
    super(errors.map((error) => `${error.message} (${formatPlace(error.place)})`).join("\n"));
    this.name = "ConfigErrors";
    this.errors = errors;
  }
}

export const formatPlace = (place: Place): string => `${place.file}:${place.line}:${place.column}`;
