import type { Phase } from "../load/spec.ts";
import type { Result } from "../result.ts";
import type { CostRun } from "../scaling/result.ts";
import { cpu, divide, Measures, memory, wall } from "./measures.ts";
import { summarize } from "./median.ts";
import { markdown, pathCost } from "./tables.ts";
import { VARIANTS, variantRatios } from "./variants.ts";

/** One promise: a figure of a slot and the most that it may be. */
interface Target {
  readonly slot: string;
  readonly what: string;
  readonly limit: number;
  /** Behind the figure; none: a ratio. */
  readonly unit?: string;
  readonly measure: (m: Measures, result: Result) => number | null;
}

const reflect = (size: string, name: string): Target[] => {
  const slot = `reflect-${size}`;
  return [
    { slot, what: `reflect ${name}: CPU to FRR's`, limit: 1 / 3, measure: (m) => m.ratio("frr", ["reflect"], cpu) },
    { slot, what: `reflect ${name}: CPU to BIRD's`, limit: 1 / 12, measure: (m) => m.ratio("bird", ["reflect"], cpu) },
    { slot, what: `reflect ${name}: wall to FRR's`, limit: 1 / 2, measure: (m) => m.ratio("frr", ["reflect"], wall) },
    { slot, what: `reflect ${name}: peak RSS to FRR's`, limit: 1, measure: (m) => m.ratio("frr", ["reflect"], memory) },
  ];
};

const delay = (name: string, field: "p50" | "p99", limit: number): Target => ({
  slot: "churn-100000x100",
  what: `churn: ${name}, ${field}`,
  limit,
  unit: "ms",
  measure: (m) => m.ours([name], (phase) => phase.delaysMs?.[field] ?? null),
});

const ofOurs = (name: string, figure: (phase: Phase) => number | null) => (m: Measures) => m.ours([name], figure);

const targets: readonly Target[] = [
  ...reflect("100000x10", "100k to 10"),
  ...reflect("100000x100", "100k to 100"),
  ...reflect("100000x200", "100k to 200"),
  ...reflect("1000000x100", "1M to 100").filter(({ what }) => !what.includes("BIRD")),
  {
    slot: "reflect-1000000x100",
    what: "reflect 1M to 100: CPU to the floor's",
    limit: 4,
    measure: (m) => m.ratio("floor", ["reflect"], cpu),
  },
  {
    slot: "rack-1600x400",
    what: "rack: CPU to FRR's with coalesce-time 0",
    limit: 1.3,
    measure: (m) => m.ratio("FRR (coalesce-time 0)", ["rack"], cpu),
  },
  {
    slot: "rack-1600x400",
    what: "rack: wall to FRR's with coalesce-time 0",
    limit: 1.15,
    measure: (m) => m.ratio("FRR (coalesce-time 0)", ["rack"], wall),
  },
  delay("withdraw", "p50", 5),
  delay("withdraw", "p99", 15),
  delay("announce", "p50", 5),
  delay("announce", "p99", 15),
  {
    slot: "churn-100000x100",
    what: "churn: CPU of all bursts to FRR's",
    limit: 1,
    measure: (m) => m.ratio("frr", ["withdraw", "announce"], cpu),
  },
  {
    slot: "late-1000000x1",
    what: "late: wall to the best peer's",
    limit: 1 / 5,
    measure: (m) => divide(m.ours(["late"], wall), m.bestPeer(["late"], wall)),
  },
  {
    slot: "late-1000000x1",
    what: "late: CPU to the best peer's",
    limit: 1 / 5,
    measure: (m) => divide(m.ours(["late"], cpu), m.bestPeer(["late"], cpu)),
  },
  {
    slot: "paths-100000x10",
    what: "paths: CPU to the best peer's",
    limit: 1 / 2,
    measure: (m) => divide(m.ours(["paths"], cpu), m.bestPeer(["paths"], cpu)),
  },
  {
    slot: "ingest-1000000x1",
    what: "ingest: CPU to BIRD's",
    limit: 1.25,
    measure: (m) => m.ratio("bird", ["ingest"], cpu),
  },
  {
    slot: "ingest-1000000x1",
    what: "ingest: RSS with one path each",
    limit: 170,
    unit: "MB",
    measure: ofOurs("ingest", (phase) => phase.residentMb),
  },
  {
    slot: "ingest-1000000x1-feeders10",
    what: "ingest: a further path, slope from 2 to 10 feeders",
    limit: 20,
    unit: "octets",
    measure: (m, result) => {
      const ours = m.summaries.find((s) => s.kind === "ours");
      return ours ? pathCost(ours, result.scale.routes) : null;
    },
  },
  {
    slot: "sessions-1x5000",
    what: "sessions: memory of each",
    limit: 15,
    unit: "KB",
    measure: ofOurs("accept", (phase) => phase.figures?.kbPerSession ?? null),
  },
  { slot: "sessions-1x5000", what: "sessions: accepted in", limit: 2, unit: "s", measure: ofOurs("accept", wall) },
  {
    slot: "sessions-1x5000",
    what: "sessions: CPU a minute",
    limit: 0.3,
    unit: "s",
    measure: ofOurs("idle", (phase) => divide(phase.cpuSeconds * 60, phase.wallSeconds)),
  },
  { slot: "mixed-100000x100", what: "mixed: CPU to FRR's", limit: 1, measure: (m) => m.ratio("frr", ["mixed"], cpu) },
];

/** Target by target: asked, measured, met or not. */
export function formatVerdict(latest: ReadonlyMap<string, Result>, cost: CostRun | null): string {
  const rows = targets.map(({ slot, what, limit, unit, measure }) => {
    const result = latest.get(slot);
    const value = result ? measure(new Measures(result), result) : null;
    return verdictRow(what, value, limit, unit);
  });
  const ratios = variantRatios(latest);
  const worst = ratios.length === 0 ? null : Math.max(...ratios.map(({ change }) => change));
  rows.push(verdictRow(`${VARIANTS.length} variants: worst change of a ratio`, worst, 1.5));
  rows.push(verdictRow("a speaker with ten routes", cost?.kbPerSpeakerWithTenRoutes ?? null, 300, "KB"));
  rows.push(verdictRow("a simulated session end: its TCP connection", cost?.kbPerSimulatedTcpEnd ?? null, 1, "KB"));
  rows.push(
    verdictRow("a simulated session end: with peer, state machine, timers", cost?.kbPerSessionEnd ?? null, 1, "KB"),
  );
  return `${markdown(["", "at most", "measured", ""], rows).join("\n")}\n`;
}

function verdictRow(what: string, value: number | null, limit: number, unit?: string): string[] {
  const show = (n: number) => `${n.toPrecision(n < 0.1 ? 2 : 3)}${unit ? ` ${unit}` : ""}`;
  const verdict = value === null ? "not measured" : value <= limit ? "met" : "**not met**";
  return [what, show(limit), value === null ? "" : show(value), verdict];
}

/** Every figure in which some peer needs less than ours; the floor is no peer. */
export function formatBetterPeers(latest: ReadonlyMap<string, Result>): string {
  const lines: string[] = [];
  for (const [slot, result] of latest) {
    const summaries = summarize(result);
    const ours = summaries.find((s) => s.kind === "ours");
    for (const phase of ours?.phases ?? []) {
      const better = summaries
        .filter((s) => s.kind !== "ours" && s.kind !== "floor")
        .flatMap(({ label, phases }) => {
          const its = phases.find((p) => p.name === phase.name);
          const words = its ? comparisons(phase, its) : [];
          return words.length > 0 ? [`${label}: ${words.join(", ")}`] : [];
        });
      if (better.length > 0) lines.push(`- \`${slot}\`, ${phase.name}: ${better.join("; ")}`);
    }
  }
  return lines.length > 0 ? `${lines.join("\n")}\n` : "In no figure.\n";
}

function comparisons(ours: Phase, its: Phase): string[] {
  const words: string[] = [];
  const compare = (name: string, unit: string, pick: (phase: Phase) => number | null | undefined) => {
    const [a, b] = [pick(ours) ?? null, pick(its) ?? null];
    if (a === null || b === null || !(b < a)) return;
    const show = (n: number) => (n >= 99.5 ? n.toFixed(0) : n.toPrecision(2));
    if (show(a) !== show(b)) words.push(`${name} ${show(b)} ${unit} (ours ${show(a)})`);
  };
  compare("CPU", "s", cpu);
  compare("wall", "s", ours.name === "idle" ? () => null : wall);
  compare("peak RSS", "MB", memory);
  compare("p50", "ms", (phase) => phase.delaysMs?.p50);
  compare("p99", "ms", (phase) => phase.delaysMs?.p99);
  return words;
}
