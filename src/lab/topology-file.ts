import { type Host, thisHost } from "../config/host.ts";
import { readFile } from "../config/load.ts";
import { Problems } from "../config/problems.ts";
import { readSource } from "../config/read.ts";
import { asn } from "../config/scalars.ts";
import { key, leaf, listOf, mapping } from "../config/schema-kit.ts";
import { Source } from "../config/source.ts";
import { tryParseIpv4 } from "../lib/address.ts";
import { trunkNetworks } from "./plan.ts";
import type { RackTopology, Topology } from "./topology.ts";

const block = leaf("an IPv4 /24 such as 172.17.8.0/24", (value) => {
  if (typeof value !== "string" || !/^\d+\.\d+\.\d+\.0\/24$/.test(value)) return undefined;
  const word = tryParseIpv4(value.slice(0, -3));
  return word === undefined || isSpecial(word) ? undefined : value;
});
/** No host's, or that of the workloads' gateway: 0/8, 127/8, 169.254/16, multicast and beyond. */
const isSpecial = (word: number): boolean =>
  word >>> 24 === 0 || word >>> 24 === 127 || word >>> 24 >= 224 || word >>> 16 === 0xa9fe;

const rackName = leaf("up to four lower-case letters and digits, a letter first", (value) =>
  typeof value === "string" && /^[a-z][a-z0-9]{0,3}$/.test(value) ? value : undefined,
);

const schema = mapping({
  racks: key(
    listOf(
      mapping({
        name: key(rackName, "Of its hosts' names."),
        as: key(asn, "The rack's AS."),
        subnet: key(block, "The reflector is .1, nodes count from .100."),
        blocks: key(listOf(block), "A node for each."),
      }),
    ),
    "The racks.",
  ),
});

const MAX_RACKS = 16;
const MAX_NODES = 100;

/** Reads a topology. @throws ConfigErrors with everything that is wrong. */
export function readTopology(file: string, host: Host = thisHost()): Topology {
  const source = new Source(file, readFile(file, "topology", host));
  const problems = new Problems();
  const raw = readSource(source, schema, problems);
  const racks = raw?.racks ?? [];
  const names = new Set<string>();
  const ases = new Set<number>();
  const taken = new Set(trunkNetworks(Math.min(racks.length, MAX_RACKS)));
  const take = (network: string | undefined, path: readonly (string | number)[]) => {
    if (network === undefined) return;
    if (taken.has(network)) problems.cannot(source, path, "must be of no other use here");
    taken.add(network);
  };
  for (const [i, rack] of racks.entries()) {
    const path = ["racks", i];
    for (const name of ["name", "as", "subnet", "blocks"] as const)
      if (rack[name] === undefined && !source.has([...path, name]))
        problems.missing(source, [...path, name], "each rack needs one");
    if (rack.name !== undefined && names.has(rack.name))
      problems.cannot(source, [...path, "name"], "must differ from those before");
    names.add(rack.name ?? "");
    if (rack.as !== undefined && ases.has(rack.as))
      problems.cannot(source, [...path, "as"], "must differ from those before: racks speak eBGP to each other");
    ases.add(rack.as ?? 0);
    take(rack.subnet, [...path, "subnet"]);
    for (const [j, network] of (rack.blocks ?? []).entries()) take(network, [...path, "blocks", j]);
    if (rack.blocks && (rack.blocks.length === 0 || rack.blocks.length > MAX_NODES))
      problems.cannot(source, [...path, "blocks"], `must have from 1 to ${MAX_NODES} of them`);
  }
  if (raw && (racks.length === 0 || racks.length > MAX_RACKS))
    problems.error(`A lab has from 1 to ${MAX_RACKS} racks, this one has ${racks.length}`, source.place(["racks"]));
  problems.settle();
  // What was wrong or missing in a rack has been thrown by now.
  return { racks: racks as RackTopology[] };
}
