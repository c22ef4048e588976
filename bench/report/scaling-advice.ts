import type { ScalingResult, ScalingRun } from "../scaling/result.ts";
import { compared } from "./mesh-figures.ts";
import { sum } from "./scaling.ts";
import { markdown } from "./tables.ts";

/** What an operator pays for, in words and unit. */
const COSTS: readonly { readonly name: string; readonly of: (run: ScalingRun) => number | null }[] = [
  { name: "memory of sessions and routes, MB", of: (r) => r.residentMb - r.builtMb },
  { name: "CPU from cold, s", of: (r) => r.cold.cpuSeconds },
  { name: "time from cold, s", of: (r) => r.cold.seconds },
  { name: "messages from cold", of: (r) => r.cold.messages },
  { name: "CPU of a join, ms", of: (r) => r.join.cpuSeconds * 1000 },
  { name: "messages of a join", of: (r) => r.join.messages },
  { name: "messages of a flap", of: (r) => sum(r.withdraw.messages, r.announce.messages) },
  { name: "CPU of a flap, ms", of: (r) => (r.withdraw.cpuSeconds + r.announce.cpuSeconds) * 1000 },
];

/** What follows for whoever runs a network, drawn from the measurements; empty comparisons are left out. */
export function formatAdvice(result: ScalingResult): string {
  return [meshOrReflectors(result), secondReflector(result), racks(result), besideBird(result)]
    .filter(Boolean)
    .join("\n");
}

/** Where a mesh stops paying: it costs more than two reflectors from this N on, and twice as much from that. */
function meshOrReflectors(result: ScalingResult): string {
  const sizes = compared(result);
  if (sizes.length === 0) return "";
  const rows = COSTS.map(({ name, of }) => {
    const ratios = sizes.map(({ mesh, two, one }) => ({
      nodes: mesh.nodes,
      two: share(of(mesh), of(two)),
      one: share(of(mesh), of(one)),
    }));
    const from = (limit: number) => {
      let first: number | null = null;
      for (const { nodes, two } of ratios.toReversed()) {
        if (two === null || two <= limit) break;
        first = nodes;
      }
      return first === null ? "never" : `N = ${first}`;
    };
    return [name, ...ratios.map(({ two }) => two?.toFixed(2) ?? ""), from(1), from(2)];
  });
  const head = ["mesh to two reflectors", ...sizes.map(({ mesh }) => `N = ${mesh.nodes}`), "more from", "twice from"];
  const [memory, cpu] = [COSTS[0]!.name, COSTS[1]!.name].map((name) => rows.find(([row]) => row === name)!.at(-1)!);
  return [
    "### Mesh or reflectors",
    "",
    'What the mesh costs as a multiple of the same network behind two reflectors, all nodes together. "More from" is the smallest N',
    "from which on the mesh was dearer at every size measured.",
    "",
    ...markdown(head, rows),
    "",
    `Here a mesh stops paying: it takes twice the memory from ${memory} on, and twice the CPU of a cold start from ${cpu} on. Below that it saves the reflectors.`,
    "",
  ].join("\n");
}

/** What redundancy costs. */
function secondReflector(result: ScalingResult): string {
  const pairs = pairsOf(result, "one reflector", "two reflectors");
  if (pairs.length === 0) return "";
  return ["### The second reflector", "", "Two reflectors as a multiple of one.", "", ...multiples(pairs), ""].join(
    "\n",
  );
}

/** An AS for each rack against one AS for all. */
function racks(result: ScalingResult): string {
  const comparisons = [
    ["one AS for all, as a multiple of two reflectors for everybody", "two reflectors", "racks, one AS"],
    ["an AS for each rack, as a multiple of one AS for all", "racks, one AS", "racks, an AS each"],
    [
      "an AS for each rack, reflectors telling each other their own rack's routes alone, as a multiple of one AS for all",
      "racks, one AS",
      "racks, an AS each, own routes only",
    ],
  ] as const;
  const parts = comparisons.flatMap(([words, base, other]) => {
    const pairs = pairsOf(result, base, other);
    return pairs.length > 0 ? [`Racks, ${words}:`, "", ...multiples(pairs), ""] : [];
  });
  return parts.length > 0 ? ["### Racks", "", ...parts, ...withdrawals(result)].join("\n") : "";
}

/** How a route goes in the largest network of each kind of racks. */
function withdrawals(result: ScalingResult): string[] {
  const largest = (topology: string) =>
    result.scaling
      .filter((run) => run.label === "Peerage" && run.topology === topology)
      .reduce<ScalingRun | null>((a, b) => (a && a.nodes > b.nodes ? a : b), null);
  const words = ["racks, one AS", "racks, an AS each", "racks, an AS each, own routes only"].flatMap((topology) => {
    const run = largest(topology);
    if (!run) return [];
    const { seconds, messages, cpuSeconds } = run.withdraw;
    return [
      `${topology}: ${seconds.toPrecision(2)} s, ${messages?.toFixed(0) ?? "?"} messages, ${cpuSeconds.toPrecision(2)} s of CPU`,
    ];
  });
  const nodes = largest("racks, one AS")?.nodes;
  return nodes ? [`Until a withdrawn route is gone everywhere, N = ${nodes}: ${words.join("; ")}.`, ""] : [];
}

/** Ours and BIRD as every node. */
function besideBird(result: ScalingResult): string {
  const rows = result.scaling
    .filter((run) => run.label === "Peerage")
    .sort((a, b) => a.topology.localeCompare(b.topology) || a.nodes - b.nodes)
    .flatMap((ours) => {
      const bird = result.scaling.find(
        (run) => run.label === "BIRD" && run.topology === ours.topology && run.nodes === ours.nodes,
      );
      if (!bird) return [];
      const both = (of: (run: ScalingRun) => number, digits: number) =>
        `${of(ours).toFixed(digits)} / ${of(bird).toFixed(digits)}`;
      return [
        [
          `${ours.topology}, N = ${ours.nodes}`,
          both((r) => r.cold.cpuSeconds, 2),
          both((r) => r.cold.wireBytes / 1e6, 2),
          both((r) => r.residentMb, 0),
          both((r) => r.join.cpuSeconds * 1000, 0),
          both((r) => (r.withdraw.cpuSeconds + r.announce.cpuSeconds) * 1000, 0),
          both((r) => r.withdraw.seconds * 1000, 1),
        ],
      ];
    });
  if (rows.length === 0) return "";
  const head = [
    "Peerage / BIRD",
    "CPU s from cold",
    "MB on the wire",
    "RSS MB",
    "join: CPU ms",
    "flap: CPU ms",
    "withdrawn after ms",
  ];
  return [
    "### Beside BIRD",
    "",
    "Peerage's speakers share a process, each BIRD is one; its time from cold is the second that it waits before it connects.",
    "",
    ...markdown(head, rows),
    "",
  ].join("\n");
}

type Pair = readonly [base: ScalingRun, other: ScalingRun];

function pairsOf(result: ScalingResult, base: string, other: string): Pair[] {
  const ours = result.scaling.filter((run) => run.label === "Peerage");
  return ours
    .filter((run) => run.topology === base && run.nodes >= 16)
    .sort((a, b) => a.nodes - b.nodes)
    .flatMap((run): Pair[] => {
      const same = ours.find((r) => r.topology === other && r.nodes === run.nodes);
      return same ? [[run, same]] : [];
    });
}

function multiples(pairs: readonly Pair[]): string[] {
  const costs = [
    { name: "sessions", of: (r: ScalingRun): number | null => r.sessions },
    { name: "most sessions at one node", of: (r: ScalingRun): number | null => r.mostSessions },
    ...COSTS,
  ];
  const rows = costs.map(({ name, of }) => [
    name,
    ...pairs.map(([base, other]) => share(of(other), of(base))?.toFixed(2) ?? ""),
  ]);
  return markdown(["", ...pairs.map(([base]) => `N = ${base.nodes}`)], rows);
}

const share = (a: number | null, b: number | null): number | null =>
  a === null || b === null || b <= 0 ? null : a / b;
