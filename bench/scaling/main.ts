/**
 * N squared versus N: `npm run bench -- scaling`. The same speakers as a full mesh, behind one reflector and behind two, and in racks, for
 * growing N; what grows, and with which exponent.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { thisMachine } from "../machine.ts";
import { Namespace } from "../net/namespace.ts";
import { root } from "../paths.ts";
import { formatScaling } from "../report/scaling.ts";
import { commit, save } from "../store.ts";
import { BirdFarm } from "./bird-farm.ts";
import type { Farm } from "./farm.ts";
import { measureFarm } from "./measure.ts";
import { OurFarm } from "./our-farm.ts";
import { plan, type Topology } from "./plan.ts";
import { type CostRun, faultOf, type ScalingResult, type ScalingRun, type VirtualRun } from "./result.ts";

/** Real sockets. Mesh sizes end where two open files a session do; reflectors go further; racks are of 20. */
const REAL: Record<Topology, readonly number[]> = {
  mesh: [8, 16, 32, 64, 100, 141, 200],
  "one reflector": [8, 16, 32, 64, 100, 200, 400, 1000],
  "two reflectors": [8, 16, 32, 64, 100, 200, 400, 1000],
  "racks, one AS": [40, 100, 200, 400, 1000],
  "racks, an AS each": [40, 100, 200, 400, 1000],
  "racks, an AS each, own routes only": [40, 100, 200, 400, 1000],
};
const BIRD_SIZES = [8, 16, 32, 50];
/** Beyond sockets; the smaller sizes are there to be held against the real ones. */
const VIRTUAL: Partial<Record<Topology, readonly number[]>> = {
  mesh: [16, 64, 200, 512, 1000],
  "one reflector": [16, 64, 200, 1000, 4000, 10_000],
  "two reflectors": [16, 64, 200, 1000, 4000, 10_000],
};
/** Above so many nodes only some have a route, and one only: memory is for nodes and sessions, not for their product with routes. */
const ALL_ORIGINATE = 1000;
/** Paths that all nodes together may hold: 8 GB must do. */
const VIRTUAL_PATHS = 10_000_000;

/** What can be measured alone: `--only`. */
const parts = ["mesh", "one-reflector", "two-reflectors", "racks", "racks-own", "bird", "virtual", "cost"];
const known = [...parts, "virtual-mesh", "virtual-one-reflector", "virtual-two-reflectors"];

function partOf(topology: Topology): string {
  if (!topology.startsWith("racks")) return topology.replace(" ", "-");
  return topology.endsWith("own routes only") ? "racks-own" : "racks";
}

export async function scaling(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: "string", default: parts.join(",") },
      from: { type: "string", default: "1" },
      "up-to": { type: "string", default: "10000" },
      routes: { type: "string", default: "2" },
      "no-save": { type: "boolean", default: false },
    },
  });
  const only = values.only.split(",");
  const unknown = only.find((part) => !known.includes(part));
  if (unknown !== undefined) throw new Error(`--only: "${unknown}" is none of ${known.join(", ")}`);
  const routesPerNode = Number(values.routes);
  const [from, upTo] = [Number(values.from), Number(values["up-to"])];
  const faults: string[] = [];
  const runs: ScalingRun[] = [];
  const measure = async (make: (place: Namespace) => Farm, topology: Topology, sizes: readonly number[]) => {
    for (const count of sizes.filter((size) => size >= from && size <= upTo))
      runs.push(...(await measureOne(make, topology, count, routesPerNode, faults)));
  };
  const ours = (place: Namespace) => new OurFarm(place);
  for (const topology of Object.keys(REAL) as Topology[])
    if (only.includes(partOf(topology))) await measure(ours, topology, REAL[topology]);
  if (only.includes("bird"))
    for (const topology of ["mesh", "one reflector", "two reflectors"] as const)
      await measure((place) => new BirdFarm(place), topology, BIRD_SIZES);
  const virtual: VirtualRun[] = [];
  for (const [name, sizes] of Object.entries(VIRTUAL)) {
    const topology = name as Topology;
    if (!only.includes("virtual") && !only.includes(`virtual-${partOf(topology)}`)) continue;
    for (const count of sizes.filter((size) => size >= from && size <= upTo))
      virtual.push(...simulate(topology, count, routesPerNode, faults));
  }
  const result: ScalingResult = {
    workload: "scaling",
    at: new Date().toISOString(),
    command: `npm run bench -- scaling ${argv.join(" ")}`.trim(),
    machine: thisMachine(),
    commit: commit(),
    routesPerNode,
    scaling: runs,
    virtual,
    cost: only.includes("cost") ? program<CostRun>("cost.js", [], faults) : null,
    faults,
  };
  process.stdout.write(`\n${formatScaling(result)}`);
  if (!values["no-save"]) process.stdout.write(`\nkept in ${save("scaling", result.at, result)}\n`);
}

/** One topology at one size over real sockets; nothing when it failed. */
async function measureOne(
  make: (place: Namespace) => Farm,
  topology: Topology,
  count: number,
  routesPerNode: number,
  faults: string[],
): Promise<ScalingRun[]> {
  const place = new Namespace(`bench-${process.pid}`);
  try {
    const farm = make(place);
    process.stderr.write(`  ${farm.label}, ${topology}, ${count} nodes: `);
    const run = await measureFarm(farm, plan(topology, count, routesPerNode), routesPerNode, place, 120_000);
    process.stderr.write(`${run.cold.seconds.toFixed(2)} s, CPU ${run.cold.cpuSeconds.toFixed(2)} s\n`);
    return [run];
  } catch (error) {
    process.stderr.write(`${String(error)}\n`);
    faults.push(`${faultOf(topology, count)}: ${String(error)}`);
    return [];
  } finally {
    place.remove();
  }
}

function simulate(topology: Topology, count: number, routesPerNode: number, faults: string[]): VirtualRun[] {
  process.stderr.write(`  virtual time, ${topology}, ${count} nodes: `);
  const some = Math.min(ALL_ORIGINATE, Math.floor(VIRTUAL_PATHS / count / (topology === "two reflectors" ? 2 : 1)));
  const [origins, each] = count > ALL_ORIGINATE ? [some, 1] : [count, routesPerNode];
  const run = program<VirtualRun>(
    "virtual.js",
    [topology, String(count), String(each), String(origins)],
    faults,
    faultOf(topology, count, "virtual"),
  );
  process.stderr.write(run ? `CPU ${run.cpuSeconds.toFixed(1)} s, ${run.residentMb.toFixed(0)} MB\n` : "failed\n");
  return run ? [run] : [];
}

/** Runs one of our programs in a process of its own, so that its memory is its own; what it prints. */
function program<T>(name: string, args: readonly string[], faults: string[], faultName = name): T | null {
  const node = [
    "--expose-gc",
    "--max-old-space-size=7800",
    "--max-semi-space-size=16",
    join(root, "dist/bench/scaling", name),
  ];
  const { stdout, status, stderr } = spawnSync(process.execPath, [...node, ...args], {
    encoding: "utf8",
    timeout: 3_600_000,
  });
  if (status === 0) return JSON.parse(stdout) as T;
  const error = /^\w*Error: .*/m.exec(stderr)?.[0] ?? (/heap out of memory/.test(stderr) ? "out of memory" : null);
  faults.push(`${faultName}: ${error ?? "was ended, or took more than an hour"}`);
  return null;
}
