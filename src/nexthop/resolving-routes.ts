import { maskWord } from "../lib/address.ts";
import type { ViewedRoute } from "./kernel-view.ts";

/** RT_TABLE_LOCAL: own addresses. */
const LOCAL = 255;

/** The kernel's routes that aren't ours, for longest-match look-ups. There are few, and they are asked for next hops only. */
export class ResolvingRoutes {
  /** By number of words (1 or 4) and prefix length: routes by the masked words. */
  readonly #levels = new Map<number, Map<string, ViewedRoute[]>>();
  /** Keys of `#levels`, the longest prefix first. */
  #order: number[] = [];
  /** By interface: the routes with a hop on it. */
  readonly #on = new Map<number, Set<ViewedRoute>>();

  /** The routes with a hop on an interface. */
  through(ifindex: number): Iterable<ViewedRoute> {
    return this.#on.get(ifindex) ?? [];
  }

  set(route: ViewedRoute): void {
    const levelKey = levelOf(route.words.length, route.length);
    let level = this.#levels.get(levelKey);
    if (level === undefined) {
      level = new Map();
      this.#levels.set(levelKey, level);
      this.#order = [...this.#levels.keys()].sort((a, b) => b - a);
    }
    for (const { ifindex } of route.hops) {
      const known = this.#on.get(ifindex);
      if (known === undefined) this.#on.set(ifindex, new Set([route]));
      else known.add(route);
    }
    const text = masked(route.words, route.length);
    const routes = level.get(text);
    if (routes === undefined) {
      level.set(text, [route]);
      return;
    }
    const known = routes.findIndex((other) => other.key === route.key);
    if (known >= 0) for (const before of routes.splice(known, 1)) if (before !== route) this.#unindex(before);
    let at = routes.length;
    while (at > 0 && before(route, routes[at - 1]!)) at--;
    routes.splice(at, 0, route);
  }

  delete(route: ViewedRoute): void {
    const level = this.#levels.get(levelOf(route.words.length, route.length));
    const text = masked(route.words, route.length);
    const routes = level?.get(text);
    const at = routes?.findIndex((other) => other.key === route.key) ?? -1;
    if (at < 0) return;
    for (const before of routes!.splice(at, 1)) this.#unindex(before);
    if (routes!.length === 0) level!.delete(text);
  }

  #unindex(route: ViewedRoute): void {
    for (const { ifindex } of route.hops) {
      const known = this.#on.get(ifindex);
      known?.delete(route);
      if (known?.size === 0) this.#on.delete(ifindex);
    }
  }

  /** Routes that hold an address: the longest prefix first, within one prefix as the kernel prefers them. */
  *matches(words: readonly number[]): Generator<ViewedRoute> {
    for (const levelKey of this.#order) {
      if (levelKey >>> 8 !== words.length) continue;
      yield* this.#levels.get(levelKey)!.get(masked(words, levelKey & 255)) ?? [];
    }
  }
}

/** Whether the kernel prefers the first: its table of own addresses is asked before all others. */
function before(a: ViewedRoute, b: ViewedRoute): boolean {
  if ((a.table === LOCAL) !== (b.table === LOCAL)) return a.table === LOCAL;
  if (a.metric !== b.metric) return a.metric < b.metric;
  return a.table === b.table ? a.order < b.order : a.table > b.table;
}

const levelOf = (words: number, length: number): number => (words << 8) | length;

const masked = (words: readonly number[], length: number): string =>
  words.map((word, i) => (word & maskWord(length - 32 * i)) >>> 0).join(".");
