import type { Delays, Phase } from "../load/spec.ts";
import type { Result, Run } from "../result.ts";

/** The medians of one daemon's good runs, phase by phase. */
export interface Summary {
  readonly kind: string;
  readonly label: string;
  readonly runs: number;
  readonly phases: readonly Phase[];
  /** Faults of runs that were left out. */
  readonly faults: readonly string[];
  /** Where no run is good: the phase that was given up. */
  readonly unfinished: Phase | null;
}

/** One summary for each daemon, in the order of its first run. */
export function summarize(result: Result): Summary[] {
  const byLabel = new Map<string, Run[]>();
  for (const run of result.runs) byLabel.set(run.label, [...(byLabel.get(run.label) ?? []), run]);
  return [...byLabel].map(([label, runs]) => {
    const good = runs.filter((run) => run.faults.length === 0);
    const names = good[0]?.phases.map((phase) => phase.name) ?? [];
    return {
      kind: runs[0]!.kind,
      label,
      runs: good.length,
      phases: names.map((name) => middle(good.map((run) => run.phases.find((phase) => phase.name === name)!))),
      faults: runs.flatMap((run) => run.faults),
      unfinished:
        good.length > 0
          ? null
          : (runs.flatMap((run) => run.phases).find((phase) => phase.wallSeconds === null) ?? null),
    };
  });
}

/** Field by field: CPU and wall need not come from the same run. */
function middle(phases: readonly Phase[]): Phase {
  const of = (pick: (phase: Phase) => number): number => median(phases.map(pick));
  const delays = phases.flatMap((phase) => (phase.delaysMs ? [phase.delaysMs] : []));
  const figures = phases.flatMap((phase) => (phase.figures ? [phase.figures] : []));
  const delay = (field: keyof Delays) => median(delays.map((d) => d[field]));
  return {
    name: phases[0]!.name,
    wallSeconds: of((p) => p.wallSeconds ?? Number.POSITIVE_INFINITY),
    cpuSeconds: of((p) => p.cpuSeconds),
    loadCpuSeconds: of((p) => p.loadCpuSeconds),
    residentMb: of((p) => p.residentMb),
    peakResidentMb: of((p) => p.peakResidentMb),
    bytesSent: of((p) => p.bytesSent),
    bytesReceived: of((p) => p.bytesReceived),
    updatesReceived: of((p) => p.updatesReceived),
    routesReceived: of((p) => p.routesReceived),
    ...(delays.length > 0
      ? { delaysMs: { p50: delay("p50"), p90: delay("p90"), p99: delay("p99"), max: delay("max") } }
      : {}),
    ...(figures.length > 0
      ? {
          figures: Object.fromEntries(
            Object.keys(figures[0]!).map((name) => [name, median(figures.map((f) => f[name]!))]),
          ),
        }
      : {}),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
