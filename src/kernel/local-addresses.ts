import { addressFamily, formatAddress, maskWord, type Prefix, parseAddress, prefixContains } from "../lib/address.ts";
import type { KernelAddress, KernelEvents, KernelLink } from "./reader.ts";

const LINK_SCOPE = 253;
/** Addresses that are remembered after they have gone; hosts that make new ones every day have no sessions on those. */
const MOST_LOST = 256;

/**
 * Which addresses stand on which interface, and which interfaces can carry packets: fed by the kernel reader.
 *
 * An address alone names no interface: a link-local one means something on its link only (RFC 4007 §4; a router may have fe80::1 on
 * all of its links, the VLANs of a NIC share one by themselves), and a global one may stand on several links too (unnumbered links, an
 * address that is being moved). So the ends of a session are asked for: the zone names the link, or of the interfaces with the local
 * address it's the one that the neighbor is on.
 */
export class LocalAddresses implements KernelEvents {
  readonly #links = new Map<number, KernelLink>();
  /** By interface, and by address as text. */
  readonly #byInterface = new Map<number, readonly KernelAddress[]>();
  readonly #byAddress = new Map<string, readonly KernelAddress[]>();
  /** Addresses that were here and stand on no interface any more. */
  readonly #lost = new Set<string>();
  #changed = false;
  readonly #linkDown: (link: KernelLink) => void;
  /** Called at the end of a burst in which an address has come or gone. */
  onChange: () => void = () => {};

  /** @param linkDown called when an interface that was running no longer is. */
  constructor(linkDown: (link: KernelLink) => void) {
    this.#linkDown = linkDown;
  }

  link(link: KernelLink): void {
    const before = this.#links.get(link.ifindex);
    this.#links.set(link.ifindex, link);
    if (before?.running && !link.running) this.#linkDown(link);
  }

  linkGone(link: KernelLink): void {
    this.#linkDown(link);
    this.#links.delete(link.ifindex);
    for (const address of this.#byInterface.get(link.ifindex) ?? []) this.addressGone(address);
  }

  address(address: KernelAddress): void {
    const text = formatAddress(address.words);
    put(this.#byInterface, address.ifindex, address);
    put(this.#byAddress, text, address);
    this.#lost.delete(text);
    this.#changed = true;
  }

  addressGone(address: KernelAddress): void {
    const text = formatAddress(address.words);
    take(this.#byInterface, address.ifindex, address);
    take(this.#byAddress, text, address);
    this.#changed = true;
    if (this.#byAddress.has(text)) return;
    this.#lost.add(text);
    const [oldest] = this.#lost;
    if (this.#lost.size > MOST_LOST) this.#lost.delete(oldest!);
  }

  synced(): void {
    if (!this.#changed) return;
    this.#changed = false;
    this.onChange();
  }

  /** Directly connected subnets, without those of one host, of the loopback and of a link alone. */
  subnets(): Prefix[] {
    const subnets: Prefix[] = [];
    for (const [ifindex, list] of this.#byInterface)
      for (const { family, words, length, scope } of list)
        if (length < 32 * words.length && scope < LINK_SCOPE && !this.#links.get(ifindex)?.loopback)
          subnets.push({ family, length, words: words.map((word, i) => (word & maskWord(length - 32 * i)) >>> 0) });
    return subnets;
  }

  /** Whether an address of ours has gone. One that never stood on an interface (routes of type local make such) is not known here. */
  hasLost(local: string): boolean {
    const [text = "", zone] = local.split("%");
    const holders = this.#byAddress.get(text) ?? [];
    if (zone === undefined || holders.length === 0) return this.#lost.has(text);
    const ifindex = this.#interfaceNamed(zone);
    return !holders.some((address) => address.ifindex === ifindex);
  }

  /** Index of the interface that a session from `local` to `remote` has its end on, or 0. */
  interfaceOf(local: string, remote: string): number {
    const zone = zoneOf(local) ?? zoneOf(remote);
    if (zone !== null) return this.#interfaceNamed(zone);
    const holders = this.#byAddress.get(local) ?? [];
    const nearest = holders.length < 2 ? undefined : holders.find(({ ifindex }) => this.isOnLink(ifindex, remote));
    return (nearest ?? holders[0])?.ifindex ?? 0;
  }

  /** Name of that interface, or null. */
  linkOf(local: string, remote: string): string | null {
    return zoneOf(local) ?? zoneOf(remote) ?? this.#links.get(this.interfaceOf(local, remote))?.name ?? null;
  }

  /** An address of the family on an interface that means something beyond its link, one that stays if there is any; null if there's none. */
  on(ifindex: number, family: number): readonly number[] | null {
    const usable = (this.#byInterface.get(ifindex) ?? []).filter(
      ({ words, scope, tentative }) => addressFamily(words) === family && !tentative && scope < LINK_SCOPE,
    );
    return (usable.find(({ passing }) => !passing) ?? usable[0])?.words ?? null;
  }

  /**
   * Whether a session from `local` to `remote` went over this link and can't go on now that it's down: the neighbor was on it, and on
   * no other link that is up and has the same local address.
   */
  losesSession(ifindex: number, local: string, remote: string): boolean {
    if (zoneOf(local) !== null || zoneOf(remote) !== null) return this.interfaceOf(local, remote) === ifindex;
    const holders = this.#byAddress.get(local) ?? [];
    if (!holders.some((address) => address.ifindex === ifindex) || !this.isOnLink(ifindex, remote)) return false;
    const goesOver = (other: number) => this.#links.get(other)?.running && this.isOnLink(other, remote);
    return !holders.some((address) => address.ifindex !== ifindex && goesOver(address.ifindex));
  }

  /** Whether `remote` lies in a subnet of the interface: a neighbor that is gone when the link is. */
  isOnLink(ifindex: number, remote: string): boolean {
    const zone = zoneOf(remote);
    if (zone !== null) return this.#interfaceNamed(zone) === ifindex;
    const words = parseAddress(remote);
    return (this.#byInterface.get(ifindex) ?? []).some((address) =>
      address.peer === null ? prefixContains(address, words) : formatAddress(address.peer) === remote,
    );
  }

  #interfaceNamed(name: string): number {
    for (const link of this.#links.values()) if (link.name === name) return link.ifindex;
    return 0;
  }
}

const same = (a: KernelAddress, b: KernelAddress): boolean =>
  a.ifindex === b.ifindex && a.length === b.length && sameWords(a.words, b.words) && samePeer(a.peer, b.peer);

const samePeer = (a: KernelAddress["peer"], b: KernelAddress["peer"]): boolean =>
  a === null || b === null ? a === b : sameWords(a, b);

const sameWords = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((word, i) => word === b[i]);

/** The interface in `fe80::1%eth0`; null for an address that means the same on all links. */
function zoneOf(text: string): string | null {
  const at = text.indexOf("%");
  return at < 0 ? null : text.slice(at + 1);
}

/** An address that is told again keeps its place among those that came before and after it. */
function put<K>(map: Map<K, readonly KernelAddress[]>, key: K, address: KernelAddress): void {
  const list = map.get(key) ?? [];
  const known = list.some((other) => same(other, address));
  map.set(key, known ? list.map((other) => (same(other, address) ? address : other)) : [...list, address]);
}

function take<K>(map: Map<K, readonly KernelAddress[]>, key: K, address: KernelAddress): void {
  const left = (map.get(key) ?? []).filter((other) => !same(other, address));
  if (left.length === 0) map.delete(key);
  else map.set(key, left);
}
