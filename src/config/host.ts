import { statSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { type Prefix, prefixContains, tryParseAddress } from "../lib/address.ts";
import { readText } from "../lib/plain-file.ts";

/** An address of this machine, canonical text. */
export interface HostAddress {
  readonly interface: string;
  readonly address: string;
  readonly family: 4 | 6;
  /** Of the loopback device. */
  readonly internal: boolean;
}

/** What a configuration may ask of the machine that it is read on; tests hand in their own. */
export interface Host {
  readonly name: string;
  /** This stands for another machine, by its name alone: nobody knows its interfaces. */
  readonly isAnother?: boolean;
  addresses(): readonly HostAddress[];
  environment(name: string): string | undefined;
  /** @throws as `node:fs` does. */
  readFile(path: string): string;
  /** Whether anybody on the machine may read that file. */
  isWorldReadable(path: string): boolean;
}

/** The machine that we run on. */
export function thisHost(): Host {
  return {
    name: hostname(),
    addresses: () =>
      Object.entries(networkInterfaces()).flatMap(([name, list]) =>
        (list ?? []).map((entry) => ({
          interface: name,
          address: entry.address,
          family: entry.family === "IPv4" ? (4 as const) : (6 as const),
          internal: entry.internal,
        })),
      ),
    // Not what every object has: nobody set a variable "constructor".
    environment: (name) => (Object.hasOwn(process.env, name) ? process.env[name] : undefined),
    readFile: readText,
    isWorldReadable: (path) => (statSync(path).mode & 0o004) !== 0,
  };
}

/** `cali*` matches what begins with "cali". */
export function matchesPattern(name: string, pattern: string): boolean {
  const source = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${source.join(".*")}$`).test(name);
}

/** Devices of containers, bridges and tunnels: a guess that takes one of their addresses is always wrong. */
const notTheNode =
  /^(lo|docker.*|cbr.*|dummy.*|virbr.*|lxcbr.*|veth.*|br-.*|cali.*|tunl.*|flannel.*|kube-ipvs.*|cni.*|vxlan.*|wireguard.*|wg.*|nodelocaldns|podman.*)$/;

export type AddressChoice =
  | { readonly method: "first-found"; readonly ignore: readonly string[] }
  | { readonly method: "interface"; readonly pattern: string }
  | { readonly method: "cidr"; readonly prefix: Prefix };

/** The first address of the family that the choice takes; link-local ones are no router's address. */
export function findAddress(host: Host, family: 4 | 6, choice: AddressChoice): string | undefined {
  const takes = (entry: HostAddress): boolean => {
    switch (choice.method) {
      case "interface":
        return matchesPattern(entry.interface, choice.pattern);
      case "cidr":
        return prefixContains(choice.prefix, tryParseAddress(entry.address) ?? []);
      case "first-found":
        return (
          !entry.internal &&
          !notTheNode.test(entry.interface) &&
          !choice.ignore.some((pattern) => matchesPattern(entry.interface, pattern))
        );
    }
  };
  return host.addresses().find((entry) => entry.family === family && !isLinkLocal(entry.address) && takes(entry))
    ?.address;
}

const isLinkLocal = (address: string): boolean => /^fe[89ab]/i.test(address) || address.startsWith("169.254.");
