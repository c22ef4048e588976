import type { Config } from "../../config/model.ts";
import type { LocalAddresses } from "../../kernel/local-addresses.ts";
import { formatPrefix, maskWord, type Prefix, parseAddress, parsePrefix, prefixContains } from "../../lib/address.ts";
import type { PrefixWords } from "../../lib/prefix-words.ts";

/** Of a shorter subnet only the whole is guarded, by family: it is no link but an address plan, with blocks inside it. */
const SHORTEST = [16, 48] as const;

/**
 * The subnets that the sessions themselves run over, and with them all that is reached directly: those of interfaces with an own
 * address of the config, or with a neighbor or a range in their subnet. A learned route to one of them, or to a part of it,
 * never goes into the kernel: whoever announces a /32 of a router's address would get that router's packets, sessions and
 * all, and no session would be left to take it back. Other routes of the kernel are guarded by its own rules (docs/kernel.md).
 */
export class Underlay {
  readonly #local: LocalAddresses;
  /** By family. */
  #subnets: readonly Prefix[] = [];
  #text = "";

  constructor(local: LocalAddresses) {
    this.#local = local;
  }

  /** Looks at addresses and config again; true if the answer is another than before. */
  refresh(config: Config): boolean {
    const own = [config.router.address, config.router.address6, ...config.neighbors.map((peer) => peer.localAddress)]
      .filter((address) => address !== null)
      .map((address) => parseAddress(address));
    const peers = config.neighbors.map(({ address }) => parseAddress(address));
    const ranges = config.dynamicNeighbors.map(({ range }) => parsePrefix(range));
    const subnets = this.#local.subnets().filter((subnet) => {
      const holds = (words: readonly number[]) => words.length === subnet.words.length && prefixContains(subnet, words);
      return own.some(holds) || peers.some(holds) || ranges.some((range) => overlap(range, subnet));
    });
    const text = subnets.map(formatPrefix).join(" ");
    if (text === this.#text) return false;
    this.#text = text;
    this.#subnets = subnets;
    return true;
  }

  /** The subnet that a prefix is, or is a part of, as text; null if it is none's. */
  holding(prefixes: PrefixWords, id: number): string | null {
    const { family } = prefixes;
    const length = prefixes.length(id);
    for (const subnet of this.#subnets) {
      if (subnet.family !== family || length < subnet.length) continue;
      if (length > subnet.length && subnet.length < SHORTEST[family]) continue;
      let inside = true;
      for (let i = 0; i < subnet.words.length && inside; i++)
        inside = (prefixes.word(id, i) & maskWord(subnet.length - 32 * i)) >>> 0 === subnet.words[i];
      if (inside) return formatPrefix(subnet);
    }
    return null;
  }
}

const overlap = (a: Prefix, b: Prefix): boolean =>
  a.family === b.family && (a.length <= b.length ? prefixContains(a, b.words) : prefixContains(b, a.words));
