import { createHash } from "node:crypto";
import { formatIpv4, tryParseAddress } from "../lib/address.ts";
import type { Path } from "./errors.ts";
import { type AddressChoice, findAddress, type Host } from "./host.ts";
import type { RouterConfig } from "./model.ts";
import type { Problems, Reading } from "./problems.ts";
import type { RawConfig, RawOwnAddress } from "./schema.ts";
import type { Source } from "./source.ts";

type RawRouter = NonNullable<RawConfig["router"]>;

/** This machine, and what its config says of it. */
interface Machine extends Reading {
  readonly host: Host;
  /** Interfaces that don't count. */
  readonly ignore: readonly string[];
}

/** What the inventory knows of this node, as far as it fills gaps of `router`. */
export interface KnownSelf {
  readonly name: string;
  readonly as: number | null;
  readonly address: string | null;
  readonly address6: string | null;
}

export interface OwnAddresses {
  readonly address: string | null;
  readonly address6: string | null;
}

/** The addresses that `router.address` and `router.address6` name, before the inventory has its say. */
export function ownAddresses(raw: RawRouter, { source, problems, host, ignore }: Machine): OwnAddresses {
  const find = (key: "address" | "address6", family: 4 | 6): string | null => {
    const value = raw[key];
    const path = ["router", key];
    if (value === undefined) return null;
    if (typeof value === "string") {
      if ((tryParseAddress(value)!.length === 1) !== (family === 4))
        problems.cannot(source, path, `must be an IPv${family} address`);
      return value;
    }
    const choice = choiceOf(value, ignore, source, path, problems);
    if (choice === undefined) return null;
    const found = findAddress(host, family, choice);
    if (found === undefined && host.isAnother !== true)
      problems.warn(
        `No interface of this machine has an IPv${family} address as router.${key} wants it`,
        source.place(path),
      );
    return found ?? null;
  };
  return { address: find("address", 4), address6: find("address6", 6) };
}

function choiceOf(
  raw: Exclude<RawOwnAddress, string>,
  ignore: readonly string[],
  source: Source,
  path: Path,
  problems: Problems,
): AddressChoice | undefined {
  const given = [raw.method, raw.interface, raw.cidr].filter((value) => value !== undefined).length;
  if (given !== 1) {
    if (given > 1 || source.describe(path) === "an empty mapping")
      problems.cannot(source, path, "must be an address, {method: first-found}, {interface: NAME} or {cidr: PREFIX}");
    return undefined;
  }
  if (raw.interface !== undefined) return { method: "interface", pattern: raw.interface };
  if (raw.cidr !== undefined) return { method: "cidr", prefix: raw.cidr };
  return { method: "first-found", ignore };
}

/** @returns undefined if the AS is nowhere to be found, which `problems` then know. */
export function resolveRouter(
  raw: RawRouter,
  own: OwnAddresses,
  self: KnownSelf | null,
  name: string,
  machine: Machine,
): RouterConfig | undefined {
  const { source, problems } = machine;
  const as = raw.as ?? self?.as ?? undefined;
  if (as === undefined) {
    if (!source.has(["router", "as"]))
      problems.missing(source, ["router", "as"], "the AS number of this router, here or in its inventory entry");
    return undefined;
  }
  if (self !== null && self.as !== null && raw.as !== undefined && self.as !== raw.as)
    problems.cannot(source, ["router", "as"], `must be ${self.as} as in the inventory entry of ${self.name}`);
  const address = own.address ?? self?.address ?? null;
  const address6 = own.address6 ?? self?.address6 ?? null;
  const { routerId, routerIdFrom } = routerIdOf(raw["router-id"] ?? "auto", address, name, machine);
  return {
    as,
    routerId,
    routerIdFrom,
    address,
    address6,
    clusterId: raw["cluster-id"] ?? routerId,
    name,
    listen: { addresses: raw.listen?.address ?? ["0.0.0.0", "::"], port: raw.listen?.port ?? 179 },
    bestPath: {
      alwaysCompareMed: raw["best-path"]?.["always-compare-med"] ?? false,
      deterministicMed: raw["best-path"]?.["deterministic-med"] ?? true,
    },
    selectionDeferralSeconds: raw["selection-deferral"] ?? 60,
  };
}

/** `auto` is the node's IPv4 address, or the one that it most likely has, or (a node without IPv4) a hash of its name. */
function routerIdOf(
  setting: string,
  address: string | null,
  name: string,
  { source, problems, host, ignore }: Machine,
): Pick<RouterConfig, "routerId" | "routerIdFrom"> {
  if (setting === "hash") return { routerId: hashedId(name), routerIdFrom: "hash" };
  if (setting !== "auto") return { routerId: setting, routerIdFrom: "config" };
  const found = address ?? findAddress(host, 4, { method: "first-found", ignore });
  if (found !== undefined) return { routerId: found, routerIdFrom: "address" };
  problems.warn(
    `This machine has no IPv4 address for router-id: auto; it is made from the node's name "${name}" (router-id: hash says so openly)`,
    source.place(["router", "router-id"]),
  );
  return { routerId: hashedId(name), routerIdFrom: "name" };
}

/** Equal names give equal ids on all machines; never 0.0.0.0, and outside multicast and loopback so that it reads as an address. */
export function hashedId(name: string): string {
  const word = createHash("sha256").update(name).digest().readUInt32BE(0);
  return formatIpv4(((word % 0x5fffffff) + 0x20000000) >>> 0);
}
