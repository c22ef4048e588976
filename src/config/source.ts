import { type Alias, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import { ConfigError, type Path } from "./errors.ts";
import type { Place } from "./model.ts";

/**
 * A number that YAML reads as a float, kept as it was written: `1.10` must not become 1.1, since it is what people
 * write for an asdot AS number. No key takes floats, so whoever meets one reports it.
 */
export class FloatText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Where the parser's own words help nobody. */
const faults: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: "a second document begins here, and a file has just one",
  RESOURCE_EXHAUSTION: "this is nested too deeply",
};

/** Deeper or larger than any real file: an alias that holds itself, or a bomb of them. */
const MAX_DEPTH = 40;
const MAX_NODES_BY_ALIAS = 500_000;

type Entry = Pair<Node, Node | null>;

/** A YAML file as plain values, which knows for each of them where it stands and how it was written. */
export class Source {
  /** As shown in messages. */
  readonly file: string;
  /** Mappings have no prototype; floats are `FloatText`. */
  readonly value: unknown;
  /** Faults of the text itself. */
  readonly errors: readonly ConfigError[];
  /** Whether `value` is worth looking at in spite of `errors`. */
  readonly readable: boolean;
  readonly #text: string;
  readonly #lines = new LineCounter();
  readonly #contents: Node | null;
  /** Found once for all: the parser would walk the whole document for each alias, and each mapping for each key. */
  readonly #anchors = new Map<string, Node>();
  readonly #meant = new Map<Alias, Node | null>();
  readonly #entries = new Map<Node, Map<string, Entry>>();
  #aliasNodes = 0;

  constructor(file: string, text: string) {
    this.file = file;
    this.#text = text;
    // Keys that stand twice are found below: the parser compares each key with all others of its mapping.
    const how = { lineCounter: this.#lines, prettyErrors: false, merge: false, uniqueKeys: false };
    const document = parseDocument(text, how);
    this.#contents = document.contents as Node | null;
    const errors: ConfigError[] = [];
    let readable = true;
    for (const fault of [...document.errors, ...document.warnings]) {
      readable = false;
      const why = `Cannot read this as YAML: ${faults[fault.code] ?? fault.message}`;
      errors.push(new ConfigError(why, this.#placeAt(fault.pos[0])));
    }
    let value: unknown = null;
    if (readable)
      try {
        value = this.#plain(this.#contents, 0, false, errors);
      } catch (error) {
        readable = false;
        if (!(error instanceof ConfigError)) throw error;
        errors.push(error);
      }
    this.value = value;
    this.errors = errors;
    this.readable = readable;
  }

  /** Nothing at all, but for comments. */
  get isEmpty(): boolean {
    return this.readable && (this.value === null || this.value === undefined || isEmptyObject(this.value));
  }

  /** The keys at the top, also of a text that can't be read as a whole: then what stands like one at the beginning of a line. */
  get topKeys(): readonly string[] {
    if (!this.readable) return [...this.#text.matchAll(/^([A-Za-z][\w-]*):(?:\s|$)/gm)].map((match) => match[1]!);
    const { value } = this;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  }

  has(path: Path): boolean {
    return this.#find(path).found;
  }

  /** Of the value at `path`, or of the innermost thing around it that exists. */
  place(path: Path): Place {
    return this.#placeAt(this.#find(path).node?.range?.[0] ?? 0);
  }

  /** Of the last key of `path` itself. */
  keyPlace(path: Path): Place {
    const { found, key, node } = this.#find(path);
    return this.#placeAt((found ? key?.range?.[0] : undefined) ?? node?.range?.[0] ?? 0);
  }

  /** The value at `path` as a message shows it. */
  describe(path: Path): string {
    const { found, node } = this.#find(path);
    if (!found) return "nothing";
    if (isSeq(node)) return node.items.length === 0 ? "an empty list" : "a list";
    if (isMap(node)) return node.items.length === 0 ? "an empty mapping" : "a mapping";
    if (!isScalar(node) || node.value === null) return "nothing";
    if (typeof node.value !== "string") return node.source ?? String(node.value);
    const text = node.value.length > 80 ? `${node.value.slice(0, 77)}...` : node.value;
    return JSON.stringify(text);
  }

  #placeAt(offset: number): Place {
    const { line, col } = this.#lines.linePos(Math.min(offset, this.#text.length));
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #find(path: Path): { found: boolean; node: Node | null; key: Node | null } {
    let node = this.#resolved(this.#contents);
    let key: Node | null = null;
    for (const step of path) {
      let next: Node | null | undefined;
      if (isMap(node)) {
        const pair = this.#entriesOf(node).get(String(step));
        next = pair === undefined ? undefined : (pair.value ?? pair.key);
        if (pair) key = pair.key;
      } else if (isSeq(node) && typeof step === "number") {
        next = node.items[step] as Node | undefined;
        key = null;
      }
      if (next === undefined || next === null) return { found: false, node, key };
      node = this.#resolved(next);
    }
    return { found: true, node, key };
  }

  #resolved(node: Node | null): Node | null {
    return isAlias(node) ? (this.#meant.get(node) ?? null) : node;
  }

  /** By key; of a key that stands twice the first. */
  #entriesOf(mapping: Node & { items: unknown[] }): Map<string, Entry> {
    let entries = this.#entries.get(mapping);
    if (entries === undefined) {
      entries = new Map();
      for (const entry of mapping.items as Entry[]) {
        const key = keyText(entry.key);
        if (!entries.has(key)) entries.set(key, entry);
      }
      this.#entries.set(mapping, entries);
    }
    return entries;
  }

  /** Walks in the order of the text, so that each alias is met when the last anchor of its name before it is the latest. */
  #plain(node: Node | null, depth: number, aliased: boolean, errors: ConfigError[]): unknown {
    if (depth > MAX_DEPTH || (aliased && ++this.#aliasNodes > MAX_NODES_BY_ALIAS))
      throw new ConfigError("This is nested too deeply, or holds itself", this.#placeAt(node?.range?.[0] ?? 0));
    if (isAlias(node)) {
      if (!this.#meant.has(node)) this.#meant.set(node, this.#anchors.get(node.source) ?? null);
      const meant = this.#resolved(node);
      if (meant === null)
        throw new ConfigError(`Nothing before this is called &${node.source}`, this.#placeAt(node.range?.[0] ?? 0));
      return this.#plain(meant, depth + 1, true, errors);
    }
    if (!aliased && (isSeq(node) || isMap(node) || isScalar(node)) && node.anchor !== undefined)
      this.#anchors.set(node.anchor, node);
    if (isSeq(node)) return node.items.map((item) => this.#plain(item as Node | null, depth + 1, aliased, errors));
    if (isMap(node)) {
      const mapping: Record<string, unknown> = Object.create(null);
      const seen = new Set<string>();
      for (const pair of node.items as Entry[]) {
        if (!isScalar(pair.key)) throw new ConfigError("A key must be a word", this.#placeAt(pair.key.range?.[0] ?? 0));
        const key = keyText(pair.key);
        // What JavaScript does with this name no schema could see.
        if (key === "__proto__")
          throw new ConfigError("A key must not be called __proto__", this.#placeAt(pair.key.range?.[0] ?? 0));
        if (seen.has(key) && !aliased)
          errors.push(
            new ConfigError(
              `The key ${/^[^\s:]+/.exec(key)?.[0] ?? ""} stands twice in one mapping`,
              this.#placeAt(pair.key.range?.[0] ?? 0),
            ),
          );
        seen.add(key);
        // An anchor of the key itself, as in `&name key: value`.
        if (!aliased && pair.key.anchor !== undefined) this.#anchors.set(pair.key.anchor, pair.key);
        mapping[key] = this.#plain(pair.value, depth + 1, aliased, errors);
      }
      return mapping;
    }
    if (!isScalar(node)) return null;
    if (typeof node.value === "number" && !/^([-+]?\d+|0x[0-9a-fA-F]+|0o[0-7]+)$/.test(node.source ?? ""))
      return new FloatText(node.source ?? String(node.value));
    return node.value;
  }
}

const isEmptyObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

const keyText = (key: unknown): string => (isScalar(key) ? String(key.source ?? key.value) : "");
