import { ConfigError, ConfigErrors, type Path } from "./errors.ts";
import type { ConfigWarning, Place } from "./model.ts";
import { isMapping } from "./schema-kit.ts";
import type { Source } from "./source.ts";

/** So many faults, and so many warnings, are told one by one; of more than these, how many there are. */
const MOST_TOLD = 200;

/** What is read, and what is wrong with it. */
export interface Reading {
  readonly source: Source;
  readonly problems: Problems;
}

/** Gathers everything that is wrong, so that it can all be said at once. */
export class Problems {
  readonly #errors: ConfigError[] = [];
  readonly #warnings: ConfigWarning[] = [];
  readonly #said = new Set<string>();
  #moreErrors = 0;
  #moreWarnings = 0;

  /** What is allowed but deserves a word. */
  get warnings(): readonly ConfigWarning[] {
    if (this.#moreWarnings === 0) return this.#warnings;
    const { place } = this.#warnings.at(-1)!;
    return [...this.#warnings, { place, message: `... and ${this.#moreWarnings} warnings more` }];
  }

  /** Enough has been said: what else is wrong is only counted, so nobody need work out a hint for it. */
  get full(): boolean {
    return this.#errors.length >= MOST_TOLD;
  }

  /** `Cannot use KEY of SUBJECT: must be ..., found ...`. `wanted` is the part that begins with "must". */
  cannot(source: Source, path: Path, wanted: string): void {
    if (this.full) {
      this.another();
      return;
    }
    const found = isSecret(path) ? "" : `, found ${source.describe(path)}`;
    this.error(`Cannot use ${nameOf(source, path)}: ${wanted}${found}`, source.place(path), path);
  }

  /** Nothing is said where what should hold the key has been refused itself. */
  missing(source: Source, path: Path, wanted: string): void {
    const holder = source.describe(path.slice(0, -1));
    if (!["nothing", "a mapping", "an empty mapping"].includes(holder)) return;
    this.error(`Missing ${nameOf(source, path)}: ${wanted}`, source.place(path.slice(0, -1)), path);
  }

  error(message: string, place: Place, path: Path = []): void {
    if (this.full) {
      this.another();
      return;
    }
    const mark = `${place.file}:${place.line}:${place.column}:${message}`;
    if (this.#said.has(mark)) return;
    this.#said.add(mark);
    this.#errors.push(new ConfigError(message, place, path));
  }

  /** One fault more, of which only the number is told. */
  another(): void {
    this.#moreErrors++;
  }

  add(error: ConfigError): void {
    this.error(error.message, error.place, error.path);
  }

  warn(message: string, place: Place): void {
    if (this.#warnings.length >= MOST_TOLD) this.#moreWarnings++;
    else this.#warnings.push({ message, place });
  }

  /** @throws ConfigErrors if anything was wrong. */
  settle(): void {
    if (this.#errors.length === 0) return;
    const files = [...new Set(this.#errors.map((error) => error.place.file))];
    const errors = this.#errors.toSorted(
      (a, b) =>
        files.indexOf(a.place.file) - files.indexOf(b.place.file) ||
        a.place.line - b.place.line ||
        a.place.column - b.place.column,
    );
    if (this.#moreErrors > 0)
      errors.push(new ConfigError(`... and ${this.#moreErrors} faults more`, errors.at(-1)!.place));
    throw new ConfigErrors(errors);
  }
}

/** Below here stands what must never be shown. */
const isSecret = (path: Path): boolean => path.includes("password");

/** `hold-time of neighbor "192.0.2.1"`, `router.listen.port`. */
export function nameOf(source: Source, path: Path): string {
  const subject = subjectOf(source, path);
  if (subject === undefined) return keys(path) || "the config";
  // Where the word for the group of keys adds nothing to that of the key itself.
  const rest = path.slice(subject.length).filter((step) => step !== "timers" && step !== "address-families");
  const last = path.at(-1);
  const shown = keys(rest.length > 0 || typeof last !== "string" ? rest : [last]);
  return shown === "" || path.length === subject.length ? subject.name : `${shown} of ${subject.name}`;
}

function keys(path: Path): string {
  let text = "";
  for (const step of path) text += typeof step === "number" ? `[${step}]` : text === "" ? step : `.${step}`;
  return text;
}

/** The thing that a path lies in, as people call it, and how much of the path names it. */
function subjectOf(source: Source, path: Path): { name: string; length: number } | undefined {
  const [section, which, term] = path;
  if (which === undefined) return undefined;
  const entry = valueAt(source.value, [section!, which]);
  const field = (key: string): string | undefined => {
    const value = isMapping(entry) ? entry[key] : undefined;
    return typeof value === "string" ? JSON.stringify(value) : undefined;
  };
  const nth = typeof which === "number" ? `no. ${which + 1}` : "";
  const named = (kind: string, name: string | undefined) => ({ name: `${kind} ${name ?? nth}`, length: 2 });
  switch (section) {
    case "neighbors":
      return named("neighbor", field("address"));
    case "dynamic-neighbors":
      return named("range", field("range"));
    case "peer-groups":
      return named("peer group", JSON.stringify(which));
    case "prefix-lists":
      return typeof term === "number"
        ? { name: `entry ${term + 1} of prefix list ${JSON.stringify(which)}`, length: 3 }
        : named("prefix list", JSON.stringify(which));
    case "policies":
      return typeof term === "number"
        ? { name: `term ${term + 1} of policy ${JSON.stringify(which)}`, length: 3 }
        : named("policy", JSON.stringify(which));
    case "originate":
      return named("originated prefix", field("prefix"));
    case "tunnels":
      return named("tunnel", field("device"));
    case "nodes":
      return named("node", field("name"));
    case "racks":
      return named("rack", field("name"));
    default:
      return undefined;
  }
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const step of path) {
    if (Array.isArray(at) && typeof step === "number") at = at[step];
    else if (isMapping(at)) at = at[step];
    else return undefined;
  }
  return at;
}
