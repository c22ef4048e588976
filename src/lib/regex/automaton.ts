import { ALPHABET, type Node, parseRegex, RegexError } from "./parse.ts";

/**
 * An expression as a nondeterministic automaton (Thompson 1968), made deterministic where texts lead: each character costs one step
 * to a set of states that is looked up, or worked out once in time linear in the size of the expression. Nothing is ever tried again,
 * so no pattern and no text takes more than their lengths' product. Sets worked out are bounded: when full, they are forgotten.
 */
export class Regex {
  readonly #states: States;
  /** Sets by the states that they hold. */
  #known = new Map<string, StateSet>();
  #first: StateSet | null = null;
  /** States looked at so far: what it has cost, other than wall time, is the same everywhere. */
  steps = 0;

  /** @throws RegexError */
  constructor(pattern: string) {
    this.#states = build(parseRegex(pattern));
  }

  /** Whether it matches somewhere in the text. */
  matches(text: string): boolean {
    this.#first ??= this.#reach([this.#states.first], true);
    let set = this.#first;
    for (let i = 0; i < text.length && !set.matched; i++) {
      this.steps++;
      const symbol = ALPHABET.indexOf(text[i]!);
      if (symbol < 0) throw new Error(`"${text[i]}" stands in no AS path as text`);
      set = set.next[symbol] ?? this.#step(set, symbol);
    }
    set.matchedAtEnd ??= set.matched || this.#matchesAtEnd(set);
    return set.matchedAtEnd;
  }

  #step(from: StateSet, symbol: number): StateSet {
    const { kind, argument, out } = this.#states;
    const reached: number[] = [];
    for (const state of from.states) {
      this.steps++;
      if (kind[state] === Kind.One && (argument[state]! >>> symbol) & 1) reached.push(out[state]!);
    }
    // It may begin anywhere.
    reached.push(this.#states.first);
    const set = this.#reach(reached, false);
    from.next[symbol] = set;
    return set;
  }

  /** What can be reached without reading; `atStart`: nothing was read yet. */
  #reach(from: readonly number[], atStart: boolean): StateSet {
    const states = this.#closure(from, atStart, false);
    const key = `${atStart ? "^" : ""}${states.join(" ")}`;
    let set = this.#known.get(key);
    if (set === undefined) {
      // Whoever walks on holds the set that it is in; all others are made again when they are asked for.
      if (this.#known.size >= MAX_SETS) {
        this.#known = new Map();
        this.#first = null;
      }
      const matched = states.some((state) => this.#states.kind[state] === Kind.Match);
      set = { states, atStart, matched, matchedAtEnd: undefined, next: new Array(ALPHABET.length).fill(undefined) };
      this.#known.set(key, set);
    }
    return set;
  }

  #matchesAtEnd(set: StateSet): boolean {
    return this.#closure(set.states, set.atStart, true).some((state) => this.#states.kind[state] === Kind.Match);
  }

  /** States that read, match or wait for the end, in order. */
  #closure(from: readonly number[], atStart: boolean, atEnd: boolean): number[] {
    const { kind, argument, out } = this.#states;
    const seen = new Uint8Array(kind.length);
    const waiting = [...from];
    const found: number[] = [];
    for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
      if (seen[state] === 1) continue;
      seen[state] = 1;
      this.steps++;
      switch (kind[state]) {
        case Kind.Fork:
          waiting.push(out[state]!, argument[state]!);
          break;
        case Kind.Start:
          if (atStart) waiting.push(out[state]!);
          break;
        case Kind.End:
          if (atEnd) waiting.push(out[state]!);
          else found.push(state);
          break;
        default:
          found.push(state);
      }
    }
    return found.sort((a, b) => a - b);
  }
}

interface StateSet {
  readonly states: readonly number[];
  readonly atStart: boolean;
  readonly matched: boolean;
  matchedAtEnd: boolean | undefined;
  readonly next: (StateSet | undefined)[];
}

const MAX_SETS = 256;
/** Repetitions are written out, so a short expression may be large. */
const MAX_STATES = 4000;

const Kind = { Match: 0, One: 1, Fork: 2, Start: 3, End: 4 } as const;

interface States {
  readonly first: number;
  readonly kind: readonly number[];
  /** Of `One` the symbols, of `Fork` the second way. */
  readonly argument: readonly number[];
  readonly out: readonly number[];
}

/** How many states a tree takes, before any is made. */
function sizeOf(node: Node): number {
  switch (node.kind) {
    case "nothing":
      return 0;
    case "sequence":
      return node.parts.reduce((sum, part) => sum + sizeOf(part), 0);
    case "choice":
      return node.parts.reduce((sum, part) => sum + sizeOf(part) + 1, 0);
    case "repeat": {
      const times = Number.isFinite(node.most) ? node.most : node.least + 1;
      return times * (sizeOf(node.part) + 1);
    }
    default:
      return 1;
  }
}

/** From the end to the start: each part is told where it leads. */
function build(tree: Node): States {
  if (sizeOf(tree) > MAX_STATES)
    throw new RegexError(`more than ${MAX_STATES} states with its repetitions written out, counted`, 1);
  const kind: number[] = [Kind.Match];
  const argument: number[] = [0];
  const out: number[] = [0];
  const make = (what: number, value: number, to: number): number => {
    kind.push(what);
    argument.push(value);
    return out.push(to) - 1;
  };
  const walk = (node: Node, to: number): number => {
    switch (node.kind) {
      case "one":
        return make(Kind.One, node.symbols, to);
      case "start":
        return make(Kind.Start, 0, to);
      case "end":
        return make(Kind.End, 0, to);
      case "nothing":
        return to;
      case "sequence":
        return node.parts.reduceRight((next, part) => walk(part, next), to);
      case "choice":
        return node.parts.map((part) => walk(part, to)).reduce((one, other) => make(Kind.Fork, other, one));
      case "repeat": {
        let next = to;
        if (node.most === Number.POSITIVE_INFINITY) {
          next = make(Kind.Fork, to, to);
          out[next] = walk(node.part, next);
        } else for (let i = node.least; i < node.most; i++) next = make(Kind.Fork, to, walk(node.part, next));
        for (let i = 0; i < node.least; i++) next = walk(node.part, next);
        return next;
      }
    }
  };
  return { first: walk(tree, 0), kind, argument, out };
}

/** What is wrong with an expression, or undefined. */
export function regexFault(pattern: string): string | undefined {
  try {
    new Regex(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof RegexError) return error.message;
    throw error;
  }
}
