/**
 * POSIX extended regular expressions (IEEE Std 1003.1, chapter 9.4) over AS paths as text, read into a tree. Beside the standard, "_"
 * stands for the start, the end or a space, as routers write it. There are no back references, so every expression is regular and
 * `automaton.ts` decides it in time linear in the text.
 */

/** What can stand in a path as text: anything else in an expression is allowed and matches nothing. */
export const ALPHABET = "0123456789 {},()[]";

export type Node =
  /** Bit i: symbol i of the alphabet. */
  | { readonly kind: "one"; readonly symbols: number }
  | { readonly kind: "start" | "end" | "nothing" }
  | { readonly kind: "sequence" | "choice"; readonly parts: readonly Node[] }
  /** `most` Infinity: no bound. */
  | { readonly kind: "repeat"; readonly part: Node; readonly least: number; readonly most: number };

/** At a character of the expression, counted from 1. */
export class RegexError extends Error {
  readonly at: number;

  constructor(what: string, at: number) {
    super(`${what} at character ${at}`);
    this.at = at;
  }
}

export const MAX_PATTERN = 1000;
/** RE_DUP_MAX of POSIX. */
const MAX_REPEAT = 255;

const ALL = 2 ** ALPHABET.length - 1;
const symbol = (character: string): number => {
  const at = ALPHABET.indexOf(character);
  return at < 0 ? 0 : 1 << at;
};

/** The classes of chapter 9.3.5, of ASCII. */
const classes: ReadonlyMap<string, RegExp> = new Map([
  ["alnum", /[0-9A-Za-z]/],
  ["alpha", /[A-Za-z]/],
  ["blank", /[ \t]/],
  ["cntrl", /[^ -~]/],
  ["digit", /[0-9]/],
  ["graph", /[!-~]/],
  ["lower", /[a-z]/],
  ["print", /[ -~]/],
  ["punct", /[!-/:-@[-`{-~]/],
  ["space", /[ \t-\r]/],
  ["upper", /[A-Z]/],
  ["xdigit", /[0-9A-Fa-f]/],
]);

const wherever = (test: (character: string) => boolean): number => {
  let symbols = 0;
  for (const character of ALPHABET) if (test(character)) symbols |= symbol(character);
  return symbols;
};

const start: Node = { kind: "start" };
const end: Node = { kind: "end" };

/** @throws RegexError */
export function parseRegex(text: string): Node {
  if (text.length > MAX_PATTERN) throw new RegexError(`more than ${MAX_PATTERN} characters`, MAX_PATTERN + 1);
  return new Reader(text).whole();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Node {
    const tree = this.#choice();
    if (this.#at < this.#text.length) throw this.#fault('")" without "("');
    return tree;
  }

  #fault(what: string, at = this.#at): RegexError {
    return new RegexError(what, at + 1);
  }

  #choice(): Node {
    const parts = [this.#sequence()];
    while (this.#text[this.#at] === "|") {
      this.#at++;
      parts.push(this.#sequence());
    }
    return parts.length === 1 ? parts[0]! : { kind: "choice", parts };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || character === "|" || character === ")") break;
      parts.push(this.#repeats(this.#atom(character)));
    }
    return parts.length === 0 ? { kind: "nothing" } : parts.length === 1 ? parts[0]! : { kind: "sequence", parts };
  }

  #atom(character: string): Node {
    const at = this.#at++;
    switch (character) {
      case "^":
        return start;
      case "$":
        return end;
      case "_":
        return { kind: "choice", parts: [start, { kind: "one", symbols: symbol(" ") }, end] };
      case ".":
        return { kind: "one", symbols: ALL };
      case "[":
        return { kind: "one", symbols: this.#bracket(at) };
      case "(": {
        const inner = this.#choice();
        if (this.#text[this.#at] !== ")") throw this.#fault('"(" without ")"', at);
        this.#at++;
        return inner;
      }
      case "\\":
        return { kind: "one", symbols: symbol(this.#escaped(at)) };
      case "*":
      case "+":
      case "?":
      case "{":
        throw this.#fault(`"${character}" has nothing before it to repeat`, at);
      default:
        return { kind: "one", symbols: symbol(character) };
    }
  }

  #escaped(at: number): string {
    const escaped = this.#text[this.#at++];
    if (escaped === undefined) throw this.#fault('"\\" with nothing behind it', at);
    if (/[1-9]/.test(escaped))
      throw this.#fault(`"\\${escaped}", a back reference, which extended expressions have not`, at);
    if (/[0A-Za-z]/.test(escaped))
      throw this.#fault(`"\\${escaped}", which POSIX does not know (a digit is [0-9], a word's edge _)`, at);
    return escaped;
  }

  #repeats(first: Node): Node {
    let part = first;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === "*") part = { kind: "repeat", part, least: 0, most: Number.POSITIVE_INFINITY };
      else if (character === "+") part = { kind: "repeat", part, least: 1, most: Number.POSITIVE_INFINITY };
      else if (character === "?") part = { kind: "repeat", part, least: 0, most: 1 };
      else if (character === "{") {
        part = { kind: "repeat", part, ...this.#bounds() };
        continue;
      } else return part;
      this.#at++;
    }
  }

  #bounds(): { least: number; most: number } {
    const at = this.#at;
    const found = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#text.slice(at, at + 12));
    if (found === null) throw this.#fault('"{" that is none of {n}, {n,} and {n,m} (a set\'s brace is "\\{")', at);
    const least = Number(found[1]);
    const most = found[2] === undefined ? least : found[3] === "" ? Number.POSITIVE_INFINITY : Number(found[3]);
    if (least > MAX_REPEAT || (Number.isFinite(most) && most > MAX_REPEAT))
      throw this.#fault(`more than ${MAX_REPEAT} repetitions`, at);
    if (most < least) throw this.#fault(`"${found[0]}", whose bounds are the wrong way round,`, at);
    this.#at += found[0].length;
    return { least, most };
  }

  /** Chapter 9.3.5: "]" first is itself, "-" at an end is itself, "\" is nothing special. */
  #bracket(at: number): number {
    const negated = this.#text[this.#at] === "^";
    if (negated) this.#at++;
    let symbols = 0;
    for (let first = true; ; first = false) {
      const from = this.#text[this.#at];
      if (from === undefined) throw this.#fault('"[" without "]"', at);
      if (from === "]" && !first) break;
      const kind = this.#text[this.#at + 1];
      if (from === "[" && kind === ":") symbols |= this.#class();
      else if (from === "[" && (kind === "." || kind === "="))
        throw this.#fault(`"[${kind}", a collating element or equivalence class, which paths have not,`);
      else symbols |= this.#range(from);
    }
    this.#at++;
    return negated ? ALL & ~symbols : symbols;
  }

  #class(): number {
    const found = /^\[:([a-z]*):\]/.exec(this.#text.slice(this.#at, this.#at + 12));
    const test = found && classes.get(found[1]!);
    if (!found || !test) throw this.#fault(`"[:" that begins none of ${[...classes.keys()].join(", ")}`);
    this.#at += found[0].length;
    return wherever((character) => test.test(character));
  }

  #range(from: string): number {
    const to = this.#text[this.#at + 1] === "-" ? this.#text[this.#at + 2] : undefined;
    if (to === undefined || to === "]") {
      this.#at++;
      return symbol(from);
    }
    if (to < from) throw this.#fault(`"${from}-${to}", whose ends are the wrong way round,`);
    this.#at += 3;
    return wherever((character) => character >= from && character <= to);
  }
}
