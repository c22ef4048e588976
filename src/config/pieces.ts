import type { Secret } from "./model.ts";
import { LoadedSecret } from "./secret.ts";

/**
 * How a config goes from the thread that reads it to the one that runs sessions: in pieces, none of which takes long to unpack, as an
 * inventory of 20,000 nodes unpacked in one go would stop all sessions for as long. A piece is plain data for the structured clone.
 * What that doesn't keep has a form of its own: a mapping with names that people chose (no prototype) is a `Map`, a secret is `Wrapped`.
 */
export interface Piece {
  /** Where in the whole; what stands there so far is an empty list or mapping, or nothing. */
  readonly path: readonly (string | number)[];
  /** Elements of a list or entries of a mapping to add there; absent: `value` is what stands there. */
  readonly items?: readonly (readonly [key: string | number, value: unknown])[];
  readonly value?: unknown;
}

interface Wrapped {
  readonly secretFrom: Secret["source"];
  readonly secret: string;
}

/** Values in one piece. */
const MOST_VALUES = 2000;

/** The pieces of a whole, in the order in which they are put together. */
export function* inPieces(whole: unknown, most = MOST_VALUES): Generator<Piece> {
  const sizes = new Map<object, number>();
  const packed = pack(whole, sizes);
  yield* piecesOf([], packed, sizes, most);
}

function* piecesOf(path: Piece["path"], value: unknown, sizes: Map<object, number>, most: number): Generator<Piece> {
  if (sizeOf(value, sizes) <= most || typeof value !== "object" || value === null) {
    yield { path, value };
    return;
  }
  yield { path, value: Array.isArray(value) ? [] : value instanceof Map ? new Map() : {} };
  let items: [string | number, unknown][] = [];
  let size = 0;
  const large: [string | number, unknown][] = [];
  for (const [key, inner] of entriesOf(value)) {
    const own = sizeOf(inner, sizes);
    if (own > most) large.push([key, inner]);
    if (size > 0 && size + (own > most ? 1 : own) > most) {
      yield { path, items };
      [items, size] = [[], 0];
    }
    // Its place is taken now, so that order and holes are right; it follows in pieces of its own.
    items.push([key, own > most ? null : inner]);
    size += own > most ? 1 : own;
  }
  if (items.length > 0) yield { path, items };
  for (const [key, inner] of large) yield* piecesOf([...path, key], inner, sizes, most);
}

/** Puts pieces together again. */
export class Assembly {
  #whole: unknown;
  /** Texts that stand in many places at once, such as the names of files. */
  readonly #texts = new Map<string, string>();

  get whole(): unknown {
    return this.#whole;
  }

  add({ path, items, value }: Piece): void {
    if (items !== undefined) {
      const holder = this.#at(path) as Record<string | number, unknown>;
      for (const [key, inner] of items) holder[key] = this.#unpack(inner);
    } else if (path.length === 0) this.#whole = this.#unpack(value);
    else (this.#at(path.slice(0, -1)) as Record<string | number, unknown>)[path.at(-1)!] = this.#unpack(value);
  }

  #at(path: Piece["path"]): unknown {
    return path.reduce<unknown>((at, step) => (at as Record<string | number, unknown>)[step], this.#whole);
  }

  #unpack(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) if (isObject(value[i])) value[i] = this.#unpack(value[i]);
      return value;
    }
    if (value instanceof Map) {
      const mapping: Record<string, unknown> = Object.create(null);
      for (const [key, inner] of value) mapping[key] = this.#unpack(inner);
      return mapping;
    }
    if ("secretFrom" in value) {
      const { secretFrom, secret } = value as Wrapped;
      return new LoadedSecret(secretFrom, secret);
    }
    const object = value as Record<string, unknown>;
    for (const key in object) {
      const inner = object[key];
      if (isObject(inner)) object[key] = this.#unpack(inner);
      else if (key === "file" && typeof inner === "string") object[key] = this.#known(inner);
    }
    return object;
  }

  #known(text: string): string {
    const known = this.#texts.get(text);
    if (known === undefined) this.#texts.set(text, text);
    return known ?? text;
  }
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const sizeOf = (value: unknown, sizes: Map<object, number>): number => (isObject(value) ? (sizes.get(value) ?? 1) : 1);

const entriesOf = (value: object): Iterable<[string | number, unknown]> =>
  value instanceof Map ? value : Array.isArray(value) ? value.entries() : Object.entries(value);

/** A copy that the structured clone keeps as it is; `sizes` learns how many values each part of it has. */
function pack(value: unknown, sizes: Map<object, number>): unknown {
  if (!isObject(value)) return value;
  let size = 1;
  const packed = (inner: unknown): unknown => {
    const copy = pack(inner, sizes);
    size += sizeOf(copy, sizes);
    return copy;
  };
  let copy: object;
  if (Array.isArray(value)) copy = value.map(packed);
  else if (isSecret(value)) {
    const wrapped: Wrapped = { secretFrom: value.source, secret: value.reveal() };
    copy = wrapped;
  } else {
    const entries = Object.entries(value).map(([key, inner]) => [key, packed(inner)] as const);
    copy = Object.getPrototypeOf(value) === null ? new Map(entries) : Object.fromEntries(entries);
  }
  sizes.set(copy, size);
  return copy;
}

const isSecret = (value: object): value is Secret => "reveal" in value && typeof value.reveal === "function";
