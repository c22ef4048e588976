import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";
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
const MAX_NODES_BY_ALIAS = 100_000;

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
  readonly #document: ReturnType<typeof parseDocument>;
  #aliasNodes = 0;

  constructor(file: string, text: string) {
    this.file = file;
    this.#text = text;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, merge: false });
    const errors: ConfigError[] = [];
    let readable = true;
    for (const fault of [...this.#document.errors, ...this.#document.warnings]) {
      const place = this.#placeAt(fault.pos[0]);
      if (fault.code === "DUPLICATE_KEY") {
        const key = /^[^\s:]+/.exec(text.slice(fault.pos[0]))?.[0] ?? "";
        errors.push(new ConfigError(`The key ${key} stands twice in one mapping`, place));
      } else {
        readable = false;
        errors.push(new ConfigError(`Cannot read this as YAML: ${faults[fault.code] ?? fault.message}`, place));
      }
    }
    let value: unknown = null;
    if (readable)
      try {
        value = this.#plain(this.#document.contents as Node | null, 0, false);
      } catch (error) {
        readable = false;
        if (!(error instanceof ConfigError)) throw error;
        errors.push(error);
      }
    this.value = value;
    this.errors = errors;
    this.readable = readable;
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
    let node = this.#resolved(this.#document.contents as Node | null);
    let key: Node | null = null;
    for (const step of path) {
      let next: Node | null | undefined;
      if (isMap(node)) {
        const pair = (node.items as Pair<Node, Node | null>[]).find((item) => keyText(item.key) === String(step));
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
    return isAlias(node) ? (node.resolve(this.#document) ?? null) : node;
  }

  #plain(node: Node | null, depth: number, aliased: boolean): unknown {
    if (depth > MAX_DEPTH || (aliased && ++this.#aliasNodes > MAX_NODES_BY_ALIAS))
      throw new ConfigError("This is nested too deeply, or holds itself", this.#placeAt(node?.range?.[0] ?? 0));
    if (isAlias(node)) {
      const meant = this.#resolved(node);
      if (meant === null)
        throw new ConfigError(`Nothing before this is called &${node.source}`, this.#placeAt(node.range?.[0] ?? 0));
      return this.#plain(meant, depth + 1, true);
    }
    if (isSeq(node)) return node.items.map((item) => this.#plain(item as Node | null, depth + 1, aliased));
    if (isMap(node)) {
      const mapping: Record<string, unknown> = Object.create(null);
      for (const pair of node.items as Pair<Node, Node | null>[]) {
        if (!isScalar(pair.key)) throw new ConfigError("A key must be a word", this.#placeAt(pair.key.range?.[0] ?? 0));
        // What JavaScript does with this name no schema could see.
        if (keyText(pair.key) === "__proto__")
          throw new ConfigError("A key must not be called __proto__", this.#placeAt(pair.key.range?.[0] ?? 0));
        mapping[keyText(pair.key)] = this.#plain(pair.value, depth + 1, aliased);
      }
      return mapping;
    }
    if (!isScalar(node)) return null;
    if (typeof node.value === "number" && !/^([-+]?\d+|0x[0-9a-fA-F]+|0o[0-7]+)$/.test(node.source ?? ""))
      return new FloatText(node.source ?? String(node.value));
    return node.value;
  }
}

const keyText = (key: unknown): string => (isScalar(key) ? String(key.source ?? key.value) : "");
