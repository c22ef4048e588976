import { formatAddress } from "../lib/address.ts";
import { Family } from "../lib/family.ts";
import type { KernelAddress, KernelEvents, KernelLink } from "./reader.ts";

export interface KernelLinksParts {
  /** Tells the listeners; `hopeful`: what failed before may work now. */
  tell(what: (to: KernelEvents) => void, hopeful: boolean): void;
  /** A link went down, or away: IPv4 routes leave with it without a word. */
  down(ifindex: number, removed: boolean): void;
  /** Routes on this interface may have died without a word. */
  suspect(ifindex: number): void;
  addressGone(address: KernelAddress): void;
  /** Whether a route is known to be dead on this interface. */
  hasDeadHopOn(ifindex: number): boolean;
}

/** The kernel's links and their addresses, kept by events and readings; tells what is new, another, or gone. */
export class KernelLinks {
  readonly links = new Map<number, KernelLink>();
  readonly #addresses = new Map<string, KernelAddress>();
  readonly #parts: KernelLinksParts;

  constructor(parts: KernelLinksParts) {
    this.#parts = parts;
  }

  addresses(): Iterable<[key: string, address: KernelAddress]> {
    return this.#addresses;
  }

  link(link: KernelLink): void {
    const { tell, down, suspect, hasDeadHopOn } = this.#parts;
    const before = this.links.get(link.ifindex);
    if (before !== undefined && sameLink(before, link)) {
      // it was lost and is back, faster than it was told: but routes may have been told in between
      if (link.running && hasDeadHopOn(link.ifindex)) suspect(link.ifindex);
      return;
    }
    this.links.set(link.ifindex, link);
    const turned = before === undefined || before.up !== link.up || before.running !== link.running;
    tell((to) => to.link?.(link), turned);
    if (before === undefined) return;
    if (before.up && !link.up) down(link.ifindex, false);
    if (turned) suspect(link.ifindex);
  }

  linkGone(link: KernelLink): void {
    const known = this.links.get(link.ifindex);
    if (known === undefined) return;
    this.links.delete(link.ifindex);
    for (const [, address] of this.#addresses) if (address.ifindex === link.ifindex) this.addressGone(address);
    this.#parts.tell((to) => to.linkGone?.(known), false);
    this.#parts.down(link.ifindex, true);
  }

  address(address: KernelAddress): void {
    const key = addressKey(address);
    const before = this.#addresses.get(key);
    this.#addresses.set(key, address);
    if (before !== undefined) {
      if (before.length !== address.length || !sameText(before.peer, address.peer))
        this.#parts.tell((to) => to.addressGone?.(before), false);
      else if (
        before.tentative === address.tentative &&
        before.passing === address.passing &&
        before.scope === address.scope
      )
        return;
    }
    this.#parts.tell((to) => to.address?.(address), true);
    // the first address of a link revives hops that died with the last one, without a word
    if (this.#parts.hasDeadHopOn(address.ifindex)) this.#parts.suspect(address.ifindex);
  }

  addressGone(address: KernelAddress): void {
    const key = addressKey(address);
    const known = this.#addresses.get(key);
    if (known === undefined) return;
    this.#addresses.delete(key);
    this.#parts.tell((to) => to.addressGone?.(known), false);
    this.#parts.suspect(address.ifindex);
    this.#parts.addressGone(known);
  }
}

/** What the kernel tells addresses of an interface apart by: in IPv4 one may be there with several peers and lengths. */
export const addressKey = ({ ifindex, family, words, length, peer }: KernelAddress): string =>
  family === Family.Ipv6Unicast
    ? `${ifindex} ${formatAddress(words)}`
    : `${ifindex} ${formatAddress(words)}/${length} ${peer === null ? "" : formatAddress(peer)}`;

const sameText = (a: readonly number[] | null, b: readonly number[] | null): boolean =>
  (a === null ? "" : formatAddress(a)) === (b === null ? "" : formatAddress(b));

const sameLink = (a: KernelLink, b: KernelLink): boolean =>
  a.name === b.name &&
  a.up === b.up &&
  a.running === b.running &&
  a.mtu === b.mtu &&
  a.kind === b.kind &&
  a.hardwareAddress === b.hardwareAddress &&
  a.alias === b.alias &&
  a.vxlan?.vni === b.vxlan?.vni &&
  a.vxlan?.port === b.vxlan?.port &&
  sameText(a.vxlan?.local ?? null, b.vxlan?.local ?? null);
