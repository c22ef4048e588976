/**
 * The bench: measures Peerage beside BIRD, FRR, GoBGP, OpenBGPD and a bare relay, each fresh as a pure reflector in a network namespace
 * of its own, driven by the generator in `load/`. See README.md.
 */
import { spawnSync } from "node:child_process";
import { loadavg } from "node:os";
import { join } from "node:path";
import { bird } from "./daemons/bird.ts";
import type { Daemon } from "./daemons/daemon.ts";
import { floor } from "./daemons/floor.ts";
import { frr } from "./daemons/frr.ts";
import { gobgp } from "./daemons/gobgp.ts";
import { openbgpd } from "./daemons/openbgpd.ts";
import { peerage } from "./daemons/peerage.ts";
import { thisMachine } from "./machine.ts";
import { runRounds } from "./measure/rounds.ts";
import { type Options, parseOptions, UsageError, usage } from "./options.ts";
import { root } from "./paths.ts";
import { documentTexts, writeDocuments } from "./report/document.ts";
import { formatRegression } from "./report/regression.ts";
import { formatResult } from "./report/tables.ts";
import type { Result } from "./result.ts";
import { scaling } from "./scaling/main.ts";
import { runSeries } from "./series.ts";
import { commit, loadResults, loadScaling, namedIn, prune, save } from "./store.ts";

/** Benches that are programs of their own; what follows their name is handed on. */
const programs: Record<string, string> = {
  fib: "dist/bench/fib/writer.js",
  "fib-latency": "dist/bench/fib/latency.js",
  wire: "dist/bench/wire.js",
};

async function main(argv: readonly string[]): Promise<void> {
  if (argv.includes("--help")) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  const program = programs[argv[0] ?? ""];
  if (program !== undefined) {
    process.exitCode =
      spawnSync(process.execPath, [join(root, program), ...argv.slice(1)], { stdio: "inherit" }).status ?? 1;
    return;
  }
  if (argv[0] === "all") {
    runSeries(argv.slice(1));
    return;
  }
  if (argv[0] === "scaling") return scaling(argv.slice(1));
  if (argv[0] === "report") {
    const missing = writeDocuments(loadResults(), loadScaling());
    for (const name of prune(namedIn(documentTexts())))
      process.stdout.write(`bench/results/${name} is superseded, removed\n`);
    process.stdout.write(
      `README.md, docs/performance.md, docs/scaling.md and src/config/mesh-figures.ts are written${missing.length > 0 ? `; not measured yet: ${missing.join(", ")}` : ""}\n`,
    );
    return;
  }
  const options = parseOptions(argv);
  const { workload, scale, table, variant } = options;
  const before = loadavg()[0]!;
  process.stderr.write(`${workload.title(scale)}\n`);
  const runs = await runRounds(options, daemonsOf(options));
  const result: Result = {
    workload: workload.name,
    title: workload.title(scale),
    at: new Date().toISOString(),
    command: `npm run bench -- ${argv.join(" ")}`,
    machine: thisMachine(),
    loadAverage: [before, loadavg()[0]!],
    commit: commit(),
    scale,
    table,
    variant,
    runs,
  };
  const earlier = loadResults();
  process.stdout.write(`\n${formatResult(result)}\n${formatRegression(result, earlier)}`);
  if (options.save) process.stdout.write(`\nkept in ${save(result.workload, result.at, result)}\n`);
}

function daemonsOf({ peers, ours, floor: withFloor, nodeFlags, wrapper }: Options): Daemon[] {
  const kinds: Record<string, Daemon[]> = {
    bird: [bird],
    frr: [frr(0), frr(null)],
    frr0: [frr(0)],
    gobgp: [gobgp],
    openbgpd: [openbgpd],
  };
  return [
    ...(withFloor ? [floor] : []),
    ...(ours ? [peerage(nodeFlags, wrapper)] : []),
    ...peers.flatMap((peer) => kinds[peer]!),
  ];
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof UsageError ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
