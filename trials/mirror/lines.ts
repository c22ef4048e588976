import type { Random } from "../../src/lib/random.ts";

/**
 * Random lines of `ip -batch`: whatever an operator, a DHCP client, a routing daemon or a CNI plugin does to links, addresses,
 * routes and nexthop objects. Many are refused (no such gateway, no such device, exists already): that is part of it.
 *
 * IPv6 routes with and without a gateway have metrics of their own: where both stand in one place, a dump of the kernel
 * leaves out those without that lie between two with (seen in Linux 6.18), and there is nothing to compare with.
 */
const links = ["eth0", "eth1", "eth2", "eth3"];
const ends = ["p0", "p1"];
const owners = ["static", "99", "kernel", "bgp"];
const addresses = [
  "10.0.0.1/24",
  "10.0.0.3/24",
  "10.0.0.1/16",
  "10.1.0.1/24",
  "10.9.9.9/32",
  "10.5.0.1 peer 10.5.0.2",
  "10.5.0.1 peer 10.5.0.3",
];
const addresses6 = ["fd00::1/64", "fd00::3/64", "fd01::1/64", "fd07::1 peer fd07::2", "fd07::1 peer fd07::3"];

interface Kind {
  readonly prefixes: readonly string[];
  readonly gateways: readonly string[];
  /** Of routes with a gateway, and of all others. */
  readonly metrics: readonly string[];
  readonly metricsWithout: readonly string[];
}

const four: Kind = {
  prefixes: ["20.0.0.0/24", "20.0.0.0/16", "10.0.0.0/24", "10.9.0.0/16", "0.0.0.0/0"],
  gateways: ["10.0.0.2", "10.0.0.9", "10.1.0.2"],
  metrics: ["", "metric 5", "metric 32"],
  metricsWithout: ["", "metric 5", "metric 32"],
};
const six: Kind = {
  prefixes: ["fd20::/64", "fd20::/32", "fd00::/64", "::/0"],
  gateways: ["fd00::2", "fd00::9", "fd01::2"],
  metrics: ["metric 5", "metric 32"],
  metricsWithout: ["metric 8", "metric 256"],
};

export class Lines {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  next(): string[] {
    const what = this.below(100);
    if (what < 66) return [this.#route(this.chance(0.5) ? four : six)];
    if (what < 78) return [this.#address()];
    if (what < 88) return this.#link();
    if (what < 98) return [this.#object()];
    return [`route flush table main proto ${this.pick(owners)}`];
  }

  #route(kind: Kind): string {
    const verb = this.pick([
      "add",
      "append",
      "append",
      "append",
      "prepend",
      "replace",
      "replace",
      "change",
      "del",
      "del",
    ]);
    const way = this.#way(kind);
    const without = !way.includes("via") && !way.includes("nhid");
    const metric = this.pick(without ? kind.metricsWithout : kind.metrics);
    const type = without && way === "" ? `${this.pick(["blackhole", "unreachable", "prohibit"])} ` : "";
    const place = `${type}${this.pick(kind.prefixes)} ${metric}`;
    if (verb === "del") {
      const named = this.below(4);
      if (named === 0) return `route del ${place}`;
      if (named === 1) return `route del ${place} proto ${this.pick(owners)}`;
      return `route del ${place} ${way}`;
    }
    return `route ${verb} ${place} proto ${this.pick(owners)} ${this.#settings(kind)} ${way}`;
  }

  #settings(kind: Kind): string {
    if (this.chance(0.7)) return "";
    if (this.chance(0.3)) return "mtu 1400";
    if (kind === six) return "";
    return this.pick(["tos 0x10", "src 10.0.0.1", "src 10.9.9.9", "table 100", "realm 7"]);
  }

  #way(kind: Kind): string {
    const hop = () => `via ${this.pick(kind.gateways)} dev ${this.pick(links)} onlink`;
    const what = this.below(20);
    if (what < 10) return hop();
    if (what < 12) return `via ${this.pick(kind.gateways)}`;
    if (what < 15) return `dev ${this.pick(links)}`;
    if (what < 17) {
      const hops = Array.from({ length: 2 + this.below(2) }, () => `nexthop ${hop()} weight ${1 + this.below(3)}`);
      return hops.join(" ");
    }
    return what < 19 ? `nhid ${this.pick(kind === four ? [11, 12, 21] : [16, 17, 26])}` : "";
  }

  #address(): string {
    const six = this.chance(0.4);
    const address = this.pick(six ? addresses6 : addresses);
    const verb = this.pick(["add", "add", "del", "replace"]);
    if (verb === "del") return `address del ${address} dev ${this.pick(links)}`;
    const metric = this.chance(0.2) ? (six ? "metric 8" : "metric 5") : "";
    const flags = `${six ? "nodad" : ""} ${this.chance(0.1) ? "noprefixroute" : ""}`;
    return `address ${verb} ${address} dev ${this.pick(links)} ${metric} ${flags}`;
  }

  #link(): string[] {
    const what = this.below(10);
    if (what < 4) return [`link set ${this.pick(links)} ${this.pick(["up", "up", "down"])}`];
    if (what < 7) return [`link set ${this.pick(ends)} ${this.pick(["up", "up", "down"])}`];
    if (what < 8) return ["link del eth2"];
    return ["link add eth2 type veth peer name p2", "link set p2 up", "link set eth2 up"];
  }

  #object(): string {
    const six = this.chance(0.3);
    const [first, second, group] = six ? [16, 17, 26] : [11, 12, 21];
    const id = this.pick([first, second]);
    const gateway = this.pick((six ? addresses6 : addresses).slice(0, 1))
      .split("/")[0]!
      .replace(/1$/, "2");
    const what = this.below(6);
    if (what < 3)
      return `nexthop ${this.pick(["add", "replace"])} id ${id} via ${gateway} dev ${this.pick(links)} onlink`;
    if (what < 5) return `nexthop replace id ${group} group ${this.pick([first, second, `${first}/${second}`])}`;
    return `nexthop del id ${this.pick([first, second, group])}`;
  }
}
