import { BrokenOff } from "../broken-off.ts";
import type { Daemon, ReflectorSettings } from "../daemons/daemon.ts";
import type { LoadSpec } from "../load/spec.ts";
import { DAEMON_IPV4, DAEMON_IPV6, Namespace } from "../net/namespace.ts";
import type { Options } from "../options.ts";
import type { Run } from "../result.ts";
import { startDaemon } from "../run-daemon.ts";
import { runLoad } from "../run-load.ts";

const AS = 65_000;

/** A peer that took so many times longer than ours is measured once: more rounds would say nothing new. */
const CLEARLY_SLOWER = 20;

/**
 * Runs every daemon once in each round, so that a slow hour of the machine hits all alike. One that isn't done in time, or that is far
 * slower than ours, is not run again. A run that broke off without a result is repeated once in its round; the fault is kept.
 */
export async function runRounds(options: Options, daemons: readonly Daemon[]): Promise<Run[]> {
  const runs: Run[] = [];
  const given = new Set<Daemon>();
  let ours: Run | undefined;
  for (let round = 1; round <= options.runs; round++)
    for (const daemon of daemons) {
      if (given.has(daemon)) continue;
      process.stderr.write(`  round ${round}: ${daemon.label}\n`);
      const attempt = async () => {
        const run = await runOnce(options, daemon);
        for (const fault of run.faults) process.stderr.write(`    ${fault}\n`);
        runs.push(run);
        return run;
      };
      let run = await attempt();
      if (run.brokeOff) run = await attempt();
      if (daemon.kind === "ours") ours = run;
      const unfinished = run.phases.length === 0 || run.phases.some((phase) => phase.wallSeconds === null);
      if (daemon.kind !== "ours" && (unfinished || isClearlySlower(run, ours))) given.add(daemon);
    }
  return runs;
}

function isClearlySlower(run: Run, ours: Run | undefined): boolean {
  const wall = ({ phases }: Run) => phases.reduce((sum, phase) => sum + (phase.wallSeconds ?? 0), 0);
  return run.kind !== "floor" && ours !== undefined && wall(ours) > 0 && wall(run) > CLEARLY_SLOWER * wall(ours);
}

async function runOnce(options: Options, daemon: Daemon): Promise<Run> {
  const about = { kind: daemon.kind, label: daemon.label, version: daemon.version() };
  const settings = reflectorSettings(options);
  const reason = daemon.missing() ?? daemon.unfit(settings, options.workload.name);
  if (reason !== null) return { ...about, phases: [], faults: [reason] };
  const place = new Namespace(`bench-${process.pid}`);
  try {
    const running = await startDaemon(daemon, settings, place);
    try {
      const { phases, faults } = await runLoad(loadSpec(options, settings, daemon, running.pid), place);
      const busy =
        daemon.kind === "floor"
          ? []
          : phases.filter((p) => p.wallSeconds !== null && p.loadCpuSeconds > p.wallSeconds / 2);
      const tooBusy = busy.map(
        (p) =>
          `${p.name}: void, the generator used ${p.loadCpuSeconds.toFixed(2)} s CPU of ${p.wallSeconds!.toFixed(2)} s`,
      );
      return { ...about, phases, faults: [...faults, ...tooBusy] };
    } catch (error) {
      process.stderr.write(`    the daemon's last words:\n${running.words()}\n`);
      return { ...about, phases: [], faults: [messageOf(error)], ...brokeOff(error) };
    } finally {
      await running.stop();
    }
  } catch (error) {
    return { ...about, phases: [], faults: [messageOf(error)], ...brokeOff(error) };
  } finally {
    place.remove();
  }
}

const brokeOff = (error: unknown): { brokeOff?: true } => (error instanceof BrokenOff ? { brokeOff: true } : {});

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function reflectorSettings({ scale, table, variant }: Options): ReflectorSettings {
  const { family } = table;
  return {
    as: AS,
    address: family === 4 ? DAEMON_IPV4 : DAEMON_IPV6,
    routerId: DAEMON_IPV4,
    family,
    ranges: Array.from({ length: scale.groups }, (_, group) => ({
      name: `group${group}`,
      prefix: family === 4 ? `10.${group}.0.0/16` : `fd00:b::a${group.toString(16).padStart(2, "0")}:0/112`,
      keepBack: scale.groups > 1 ? `64999:${group}` : null,
    })),
    addPath: variant.addPath,
    holdTimeSeconds: scale.holdTimeSeconds,
    policyStatements: variant.policyStatements,
  };
}

function loadSpec(
  { scale, table, variant, workload }: Options,
  settings: ReflectorSettings,
  daemon: Daemon,
  pid: number,
): LoadSpec {
  const { routes: _, ...counts } = scale;
  return {
    workload: workload.name,
    pids: [pid],
    daemon: {
      address: settings.address,
      port: 179,
      as: AS,
      clusterId: daemon.kind === "floor" ? null : settings.routerId,
    },
    table,
    addPath: variant.addPath,
    quietMs: 100,
    ...counts,
  };
}
