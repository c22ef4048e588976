/**
 * N squared versus N: `npm run bench -- scaling`. The same speakers as a full mesh, behind one reflector and behind two, for growing N; what
 * grows, and with which exponent.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { thisMachine } from "../machine.ts";
import { Namespace } from "../net/namespace.ts";
import { root } from "../paths.ts";
import { commit, save } from "../store.ts";
import { BirdFarm } from "./bird-farm.ts";
import type { Farm } from "./farm.ts";
import { measureFarm } from "./measure.ts";
import { OurFarm } from "./our-farm.ts";
import { plan, type Topology, topologies } from "./plan.ts";
import { formatScaling } from "./report.ts";
import type { ScalingResult, ScalingRun, VirtualRun } from "./result.ts";

/** Mesh sizes end where two open files a session do; reflectors go further. */
const MESH_SIZES = [8, 16, 32, 64, 100, 141, 200];
const REFLECTOR_SIZES = [8, 16, 32, 64, 128, 256, 512, 1000];
const BIRD_SIZES = [8, 16, 32, 50];
/** Beyond sockets; the first sizes are there to be held against the real ones. */
const VIRTUAL_SIZES = [16, 64, 256, 512, 1000, 2000, 4000, 10_000];

export async function scaling(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      "mesh-up-to": { type: "string", default: "200" },
      "reflectors-up-to": { type: "string", default: "1000" },
      routes: { type: "string", default: "2" },
      peers: { type: "string", default: "bird" },
      virtual: { type: "string", default: "yes" },
      "virtual-mesh-up-to": { type: "string", default: "512" },
      "virtual-reflectors-up-to": { type: "string", default: "2000" },
      "no-save": { type: "boolean", default: false },
    },
  });
  const routesPerNode = Number(values.routes);
  const limits: Record<Topology, number> = {
    mesh: Number(values["mesh-up-to"]),
    "one reflector": Number(values["reflectors-up-to"]),
    "two reflectors": Number(values["reflectors-up-to"]),
  };
  const farms: { make: (place: Namespace) => Farm; sizes: (topology: Topology) => readonly number[] }[] = [
    { make: (place) => new OurFarm(place), sizes: (topology) => (topology === "mesh" ? MESH_SIZES : REFLECTOR_SIZES) },
    ...(values.peers.includes("bird")
      ? [{ make: (place: Namespace) => new BirdFarm(place), sizes: () => BIRD_SIZES }]
      : []),
  ];
  const runs: ScalingRun[] = [];
  const faults: string[] = [];
  for (const { make, sizes } of farms)
    for (const topology of topologies)
      for (const count of sizes(topology).filter((size) => size <= limits[topology])) {
        const place = new Namespace(`bench-${process.pid}`);
        try {
          const farm = make(place);
          process.stderr.write(`  ${farm.label}, ${topology}, ${count} nodes: `);
          const run = await measureFarm(farm, plan(topology, count, routesPerNode), routesPerNode, place, 120_000);
          process.stderr.write(`${run.cold.seconds.toFixed(2)} s, CPU ${run.cold.cpuSeconds.toFixed(2)} s\n`);
          runs.push(run);
        } catch (error) {
          process.stderr.write(`${String(error)}\n`);
          faults.push(`${topology}, ${count} nodes: ${String(error)}`);
        } finally {
          place.remove();
        }
      }
  const virtual =
    values.virtual === "no"
      ? []
      : simulate(routesPerNode, faults, (topology) =>
          Number(values[topology === "mesh" ? "virtual-mesh-up-to" : "virtual-reflectors-up-to"]),
        );
  const result: ScalingResult = {
    workload: "scaling",
    at: new Date().toISOString(),
    command: `npm run bench -- scaling ${argv.join(" ")}`.trim(),
    machine: thisMachine(),
    commit: commit(),
    routesPerNode,
    scaling: runs,
    virtual,
    faults,
  };
  process.stdout.write(`\n${formatScaling(result)}`);
  if (!values["no-save"]) process.stdout.write(`\nkept in ${save("scaling", result.at, result)}\n`);
}

/** Each run is a process of its own, so that its memory is its own. */
function simulate(routesPerNode: number, faults: string[], limit: (topology: Topology) => number): VirtualRun[] {
  const program = join(root, "dist/bench/scaling/virtual.js");
  const runs: VirtualRun[] = [];
  for (const topology of topologies)
    for (const count of VIRTUAL_SIZES.filter((size) => size <= limit(topology))) {
      process.stderr.write(`  virtual time, ${topology}, ${count} nodes: `);
      const args = [
        "--expose-gc",
        "--max-old-space-size=12000",
        program,
        topology,
        String(count),
        String(routesPerNode),
      ];
      const { stdout, status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 900_000 });
      if (status === 0) runs.push(JSON.parse(stdout) as VirtualRun);
      else
        faults.push(
          `virtual time, ${topology}, ${count} nodes: ${stderr.trim().split("\n").at(-1) || "took more than 15 minutes"}`,
        );
      process.stderr.write(status === 0 ? `CPU ${runs.at(-1)!.cpuSeconds.toFixed(1)} s\n` : "failed\n");
    }
  return runs;
}
