import { addressFamily, formatAddress, maskWord, type Prefix, parseAddress, prefixContains } from "../lib/address.ts";
import type { KernelAddress, KernelEvents, KernelLink } from "./reader.ts";

const LINK_SCOPE = 253;

/** Which addresses stand on which interface, and which interfaces can carry packets: fed by the kernel reader. */
export class LocalAddresses implements KernelEvents {
  readonly #links = new Map<number, KernelLink>();
  readonly #byInterface = new Map<number, KernelAddress[]>();
  readonly #linkDown: (link: KernelLink) => void;
  /** Called when an address has come or gone. */
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
    this.#links.delete(link.ifindex);
    this.#linkDown(link);
    this.#byInterface.delete(link.ifindex);
    this.onChange();
  }

  address(address: KernelAddress): void {
    const list = this.#byInterface.get(address.ifindex) ?? [];
    this.#byInterface.set(address.ifindex, [...list.filter((other) => !same(other, address)), address]);
    this.onChange();
  }

  addressGone(address: KernelAddress): void {
    const list = this.#byInterface.get(address.ifindex) ?? [];
    this.#byInterface.set(
      address.ifindex,
      list.filter((other) => !same(other, address)),
    );
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

  /** Index of the interface that has this address, or 0. */
  interfaceOf(local: string): number {
    const wanted = withoutZone(local);
    for (const [ifindex, list] of this.#byInterface)
      if (list.some((address) => formatAddress(address.words) === wanted)) return ifindex;
    return 0;
  }

  /** An address of the family on the interface that has `local`, global ones first; null if there's none. */
  beside(local: string, family: number): readonly number[] | null {
    const list = this.#byInterface.get(this.interfaceOf(local)) ?? [];
    const fitting = list.filter((address) => addressFamily(address.words) === family && !address.tentative);
    return (fitting.find((address) => address.scope < LINK_SCOPE) ?? null)?.words ?? null;
  }

  /** Whether `remote` lies in a subnet of the interface: a neighbor that is gone when the link is. */
  isOnLink(ifindex: number, remote: string): boolean {
    if (remote.includes("%")) return true;
    const words = parseAddress(remote);
    return (this.#byInterface.get(ifindex) ?? []).some((address) =>
      address.peer === null
        ? prefixContains({ family: address.family, words: address.words, length: address.length }, words)
        : formatAddress(address.peer) === remote,
    );
  }
}

const same = (a: KernelAddress, b: KernelAddress): boolean =>
  a.length === b.length && formatAddress(a.words) === formatAddress(b.words);

const withoutZone = (text: string): string => text.split("%")[0]!;
