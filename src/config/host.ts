import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { type Prefix, prefixContains, tryParseAddress } from "../lib/address.ts";

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
    environment: (name) => process.env[name],
    readFile: readText,
    isWorldReadable: (path) => (statSync(path).mode & 0o004) !== 0,
  };
}

/** Ten times what an inventory of 20,000 nodes has; YAML of this size keeps a daemon busy for ten seconds. */
const MAX_OCTETS = 16 * 2 ** 20;

/** What is wrong with a file that can be read, and where. */
export class TextFault extends Error {
  readonly line: number;
  readonly column: number;

  constructor(message: string, line: number, column: number) {
    super(message);
    this.name = "TextFault";
    this.line = line;
    this.column = column;
  }
}

/** What may stand where a file should; to read from it might take for ever. */
const notAFile: readonly (readonly [is: (stats: Stats) => boolean, called: string])[] = [
  [(stats) => stats.isDirectory(), "a directory"],
  [(stats) => stats.isFIFO(), "a pipe"],
  [(stats) => stats.isSocket(), "a socket"],
];

/** Whoever gives us a config by `<(...)` or `/dev/stdin` hands us a pipe that is open already; one in the file system may wait for its writer. */
const HANDED_IN = /^\/(dev\/(fd\/|stdin$)|proc\/self\/fd\/)/;

/** A whole file as text, without ever waiting for it. @throws as `node:fs` does, or TextFault. */
function readText(path: string): string {
  const chunks: Buffer[] = [];
  const handedIn = HANDED_IN.test(path);
  // To open a pipe waits for its other end, unless told not to.
  const file = openSync(path, handedIn ? "r" : constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() && !handedIn) {
      const called = notAFile.find(([is]) => is(stats))?.[1] ?? "a device";
      throw new TextFault(`it is ${called}, not a file`, 1, 1);
    }
    for (let octets = 0; ; ) {
      const chunk = Buffer.allocUnsafe(2 ** 16);
      const count = readSync(file, chunk);
      if (count === 0) break;
      octets += count;
      if (octets > MAX_OCTETS) throw new TextFault(`it is larger than ${MAX_OCTETS / 2 ** 20} MiB`, 1, 1);
      chunks.push(chunk.subarray(0, count));
    }
  } finally {
    closeSync(file);
  }
  return decodeText(Buffer.concat(chunks));
}

/** @throws TextFault where it isn't UTF-8: what a lenient decoder makes of it would be another path, or another secret. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    let [line, start] = [1, 0];
    for (let end = bytes.indexOf(10); end >= 0 && isText(bytes.subarray(start, end)); end = bytes.indexOf(10, start)) {
      line++;
      start = end + 1;
    }
    const before = new TextDecoder().decode(bytes.subarray(start)).indexOf("\ufffd");
    throw new TextFault("it isn't UTF-8 text", line, Math.max(0, before) + 1);
  }
}

function isText(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
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
