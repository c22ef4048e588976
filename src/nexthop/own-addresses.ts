import { isLinkLocal } from "../lib/address.ts";
import type { ViewedAddress } from "./kernel-view.ts";

/**
 * The addresses of this machine, which are next hops of nobody's routes (RFC 4271 §6.3). Link-local ones are ours on their link only:
 * a neighbor on another one may well have the same. Those of 127.0.0.0/8 belong to every speaker of the machine.
 */
export class OwnAddresses {
  /** By address, with its link if it means nothing elsewhere: where it stands. */
  readonly #places = new Map<string, Set<string>>();

  set(address: ViewedAddress): void {
    if (address.tentative) {
      this.delete(address);
      return;
    }
    const key = keyOf(address.words, address.ifindex);
    let places = this.#places.get(key);
    if (places === undefined) {
      places = new Set();
      this.#places.set(key, places);
    }
    places.add(placeOf(address));
  }

  delete(address: ViewedAddress): void {
    const key = keyOf(address.words, address.ifindex);
    const places = this.#places.get(key);
    places?.delete(placeOf(address));
    if (places?.size === 0) this.#places.delete(key);
  }

  has(words: readonly number[], ifindex: number): boolean {
    if (this.#places.size === 0 || (words.length === 1 && words[0]! >>> 24 === 127)) return false;
    return this.#places.has(keyOf(words, ifindex));
  }
}

const keyOf = (words: readonly number[], ifindex: number): string =>
  isLinkLocal(words) ? `${words}%${ifindex}` : String(words);

const placeOf = ({ ifindex, length }: ViewedAddress): string => `${ifindex}/${length}`;
