import { maskWord } from "../lib/address.ts";
import type { ViewedRoute } from "./kernel-view.ts";

/** The kernel's routes that aren't ours, for longest-match look-ups. There are few, and they are asked for next hops only. */
export class RouteMap {
  /** By number of words (1 or 4) and prefix length: routes by the masked words. */
  readonly #levels = new Map<number, Map<string, ViewedRoute[]>>();
  /** Keys of `#levels`, the longest prefix first. */
  #order: number[] = [];

  set(route: ViewedRoute): void {
    const levelKey = levelOf(route.words.length, route.length);
    let level = this.#levels.get(levelKey);
    if (level === undefined) {
      level = new Map();
      this.#levels.set(levelKey, level);
      this.#order = [...this.#levels.keys()].sort((a, b) => b - a);
    }
    const text = masked(route.words, route.length);
    const others = (level.get(text) ?? []).filter((other) => other.key !== route.key);
    level.set(
      text,
      [...others, route].sort((a, b) => a.metric - b.metric),
    );
  }

  delete(route: ViewedRoute): void {
    const level = this.#levels.get(levelOf(route.words.length, route.length));
    const text = masked(route.words, route.length);
    const left = level?.get(text)?.filter((other) => other.key !== route.key);
    if (left === undefined) return;
    if (left.length > 0) level!.set(text, left);
    else level!.delete(text);
  }

  /** Routes that hold an address: the longest prefix first, within one prefix the lowest metric first. */
  *matches(words: readonly number[]): Generator<ViewedRoute> {
    for (const levelKey of this.#order) {
      if (levelKey >>> 8 !== words.length) continue;
      yield* this.#levels.get(levelKey)!.get(masked(words, levelKey & 255)) ?? [];
    }
  }
}

const levelOf = (words: number, length: number): number => (words << 8) | length;

const masked = (words: readonly number[], length: number): string =>
  words.map((word, i) => (word & maskWord(length - 32 * i)) >>> 0).join(".");
