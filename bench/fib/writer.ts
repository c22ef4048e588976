import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { FibPort } from "../../src/fib/fib-port.ts";
import { openFib } from "../../src/fib/open.ts";
import type { KernelReader } from "../../src/kernel/reader.ts";
import { formatPrefix } from "../../src/lib/address.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { prefixAt } from "../../src/lib/prefix-words.ts";
import { openFibOs } from "../../src/os/fib-os.ts";
import { blocks } from "../../testbed/blocks.ts";
import { orUsage, whole } from "../../testbed/command-line.ts";
import { formatMachine, thisMachine } from "../machine.ts";
import { root } from "../paths.ts";
import { commit, save } from "../store.ts";

/**
 * The FIB writer through its whole queue, from `want` to the kernel's answer, beside `ip -batch` and BIRD's kernel
 * protocol (if installed) in the same run, and the ratios. Needs root; works in a network namespace of its own.
 *
 * `npm run bench -- fib [ROUTES] [ROUNDS] [--only WHO,...]`: 100,000 IPv4 routes and three rounds by default; medians are
 * printed. WHO: ip, raw, bird, inside, process, "inside objects", "process objects", latency.
 */
interface Row {
  readonly who: string;
  readonly what: string;
  /** From the first intent to the last answer. */
  readonly ms: number;
  /** User CPU of the process that holds the intents, and of the writer if it is another; microseconds per route. */
  readonly userMicros?: number;
  /** Of the C program: its longest send() of 64 messages. */
  readonly slowestSendMs?: number;
  readonly loopP99?: number;
  readonly loopMax?: number;
}

const usage = "npm run bench -- fib [ROUTES] [ROUNDS] [--only WHO,...]";
/** `child`: what a process inside the namespace measures. */
const { only, count, rounds, child } = orUsage(usage, () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: "string" } } });
  const [routes = "100000", rounds = "3", child] = positionals;
  return {
    only: values.only?.split(",") ?? null,
    count: whole("ROUTES", routes),
    rounds: whole("ROUNDS", rounds),
    child,
  };
});
const wanted = (who: string): boolean => only === null || only.includes(who);
const namespace = `fibbench-${process.pid}`;

const table = blocks(0x0b000000, 26);
/** Those of which each is written alone. */
const single = blocks(0x64000000, 24);
const prefix = (i: number): string => formatPrefix(prefixAt(table, i));

async function parent(): Promise<void> {
  if (process.getuid?.() !== 0) {
    process.stderr.write("the FIB bench needs root: it writes kernel routes in a namespace of its own\n");
    process.exitCode = 1;
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "fibbench-"));
  const before = loadavg()[0]!;
  ip("netns", "add", namespace);
  try {
    for (const line of [
      "link set lo up",
      "link add v0 type veth peer name v1",
      "link set v0 up",
      "link set v1 up",
      "addr add 10.0.0.1/24 dev v0",
    ])
      ip("-n", namespace, ...line.split(" "));
    const rows: Row[] = [];
    for (let round = 0; round < rounds; round++) {
      if (wanted("ip")) rows.push(...ipBatch(folder));
      if (wanted("raw")) rows.push(...raw(folder));
      if (wanted("bird") && existsSync("/usr/sbin/bird")) rows.push(...(await bird(folder)));
      for (const mode of ["inside", "process", "inside objects", "process objects"].filter(wanted))
        rows.push(...inChild(mode));
    }
    print(rows);
    const at = new Date().toISOString();
    const machine = thisMachine();
    const load = [before, loadavg()[0]!];
    process.stdout.write(`on ${formatMachine(machine)}, load average ${load[0]} before, ${load[1]} after\n`);
    const command = `npm run bench -- fib ${process.argv.slice(2).join(" ")}`.trim();
    const result = {
      title: "FIB writer",
      at,
      command,
      machine,
      loadAverage: load,
      commit: commit(),
      count,
      rounds,
      rows,
    };
    process.stdout.write(`kept in ${save("fib", at, result)}\n`);
    if (wanted("latency"))
      for (const mode of ["latency inside", "latency process"]) process.stdout.write(execute(mode));
  } finally {
    ip("netns", "del", namespace);
    rmSync(folder, { recursive: true, force: true });
  }
}

function ip(...args: string[]): string {
  return execFileSync("ip", args, { encoding: "utf8", maxBuffer: 1 << 30 });
}

function execute(mode: string): string {
  const command = ["netns", "exec", namespace, process.execPath, process.argv[1]!, String(count), "1", mode];
  return execFileSync("ip", command, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

const inChild = (mode: string): Row[] => JSON.parse(execute(mode)) as Row[];

function ipBatch(folder: string): Row[] {
  return ["add", "del"].map((verb) => {
    const lines = Array.from(
      { length: count },
      (_, i) => `route ${verb} ${prefix(i)} via 10.0.0.2 dev v0 proto bgp metric 32`,
    );
    const file = join(folder, "batch");
    writeFileSync(file, lines.join("\n"));
    const start = performance.now();
    ip("-n", namespace, "-batch", file);
    return { who: "ip -batch", what: verb, ms: performance.now() - start };
  });
}

/** The ceiling: a C program that does nothing but send the messages, in order and in the order that suits the kernel. */
function raw(folder: string): Row[] {
  const program = join(folder, "raw");
  if (!existsSync(program)) {
    const { status } = spawnSync("cc", ["-O2", "-o", program, join(root, "bench/fib/raw.c")], { stdio: "inherit" });
    if (status !== 0) return [];
  }
  ip("-n", namespace, "nexthop", "replace", "id", "10", "via", "10.0.0.2", "dev", "v0");
  ip("-n", namespace, "nexthop", "replace", "id", "11", "group", "10");
  const rows: Row[] = [];
  for (const [who, order, nexthop] of [
    ["raw C, in order", "0", "0"],
    ["raw C, spread", "1", "0"],
    ["raw C, spread, objects", "1", "11"],
  ] as const) {
    const text = ip("netns", "exec", namespace, program, String(count), order, nexthop);
    for (const line of text.trim().split("\n")) {
      const [what, ms, slowest] = line.split(" ");
      rows.push({ who, what: what!, ms: Number(ms), slowestSendMs: Number(slowest) });
    }
  }
  return rows;
}

/** A static protocol that is enabled and disabled; what the kernel holds is counted in fib_triestat. */
async function bird(folder: string): Promise<Row[]> {
  const routes = Array.from({ length: count }, (_, i) => `route ${prefix(i)} via 10.0.0.2;`).join("\n");
  const file = join(folder, "bird.conf");
  writeFileSync(
    file,
    `log "${folder}/bird.log" all;\nrouter id 10.0.0.1;\nprotocol device { scan time 3600; }\nprotocol direct { ipv4; }\n` +
      `protocol kernel { scan time 3600; ipv4 { export where source = RTS_STATIC; import none; }; }\n` +
      `protocol static feed { ipv4; disabled yes;\n${routes}\n}\n`,
  );
  const control = join(folder, "bird.ctl");
  const daemon = spawn("ip", ["netns", "exec", namespace, "bird", "-f", "-c", file, "-s", control], {
    stdio: "ignore",
  });
  try {
    while (!existsSync(control)) await delay(20);
    const status = () => spawnSync("birdc", ["-s", control, "show", "status"], { encoding: "utf8" }).stdout;
    while (!status().includes("Daemon is up and running")) await delay(50);
    const held = () => {
      const text = execFileSync("ip", ["netns", "exec", namespace, "cat", "/proc/net/fib_triestat"], {
        encoding: "utf8",
      });
      return Number(/Main:[\s\S]*?Prefixes:\s+(\d+)/.exec(text)![1]);
    };
    // `ip netns exec` has become BIRD: the process that was started is the daemon
    const user = () => Number(readFileSync(`/proc/${daemon.pid}/stat`, "utf8").split(" ")[13]) * 10_000;
    const before = held();
    const rows: Row[] = [];
    for (const [verb, what, until] of [
      ["enable", "add", before + count],
      ["disable", "del", before],
    ] as const) {
      const cpu = user();
      const start = performance.now();
      execFileSync("birdc", ["-s", control, verb, "feed"], { stdio: "ignore" });
      while (held() !== until) await delay(2);
      rows.push({ who: "BIRD", what, ms: performance.now() - start, userMicros: (user() - cpu) / count });
    }
    return rows;
  } finally {
    daemon.kill("SIGTERM");
    await new Promise((ended) => daemon.once("exit", ended));
    rmSync(control, { force: true });
  }
}

function open(mode: string): { fib: FibPort; reader: KernelReader } {
  return openFib({
    mode: "kernel",
    table: 254,
    protocol: 186,
    metric: 32,
    nexthopObjects: mode.includes("objects"),
    writer: mode.includes("process") ? "process" : "inside",
    clock: systemClock,
    os: openFibOs(),
  });
}

const answered = (fib: FibPort) => new Promise<void>((done) => fib.barrier(done));
const through = (reader: KernelReader, last: number) => ({
  type: "unicast" as const,
  nextHops: [{ via: [0x0a000000 + last], ifindex: reader.linkByName("v0")!.ifindex, onlink: false, weight: 1 }],
});

/** Adds, moves and deletes all routes; prints rows as JSON. */
async function ours(mode: string): Promise<void> {
  const { fib, reader } = open(mode);
  await fib.ready;
  const group = fib.openGroup(through(reader, 2));
  const rows: Row[] = [];
  /** Of a writer in another process. */
  const writerMicros = async () => (mode.includes("process") ? ((await fib.writerStats())?.userCpuMicros ?? 0) : 0);
  const timed = async (what: string, run: (from: number, to: number) => void) => {
    const loop = monitorEventLoopDelay({ resolution: 1 });
    const cpu = process.cpuUsage();
    const writerBefore = await writerMicros();
    const start = performance.now();
    loop.enable();
    // as the RIB tells them: some thousand a turn
    const step = 4096;
    for (let i = 0; i < count; i += step) {
      run(i, Math.min(i + step, count));
      await new Promise<void>((next) => setImmediate(next));
    }
    await answered(fib);
    const ms = performance.now() - start;
    loop.disable();
    const writer = (await writerMicros()) - writerBefore;
    rows.push({
      who: mode,
      what,
      ms,
      userMicros: (process.cpuUsage(cpu).user + writer) / count,
      loopP99: loop.percentile(99) / 1e6,
      loopMax: loop.max / 1e6,
    });
  };
  await timed("add", (from, to) => {
    for (let i = from; i < to; i++) fib.want(table, i, group);
  });
  await timed("move", (from) => {
    if (from === 0) fib.retarget(group, through(reader, 3));
  });
  await timed("del", (from, to) => {
    for (let i = from; i < to; i++) fib.want(table, i, 0);
  });
  if (fib.counters.operations.add.ok !== count || fib.counters.operations.delete.ok !== count)
    throw new Error(`not every route was written: ${JSON.stringify(fib.counters)}`);
  await fib.close(false);
  process.stdout.write(JSON.stringify(rows));
}

/** From the intent for one route to the kernel's answer: while idle, and while all the others are being written. */
async function latencies(mode: string): Promise<void> {
  const { fib, reader } = open(mode);
  await fib.ready;
  const group = fib.openGroup(through(reader, 2));
  const one = async (i: number): Promise<number> => {
    const start = performance.now();
    fib.want(single, i, group);
    await answered(fib);
    return performance.now() - start;
  };
  const idle: number[] = [];
  for (let i = 0; i < 500; i++) {
    idle.push(await one(i));
    await delay(1);
  }
  const busy: number[] = [];
  for (let i = 0; i < count; i += 1) {
    fib.want(table, i, group);
    if (i % 1000 === 999) busy.push(await oneBeside(fib, group, 1000 + i));
  }
  await answered(fib);
  const text = (name: string, list: number[]) => {
    list.sort((a, b) => a - b);
    return `${name} p50 ${list[list.length >> 1]!.toFixed(2)} ms, p99 ${list[Math.floor(list.length * 0.99)]!.toFixed(2)} ms`;
  };
  process.stdout.write(
    `${mode}, one route, intent to answer: ${text("idle", idle)}; ${text("among 1000 others", busy)}\n`,
  );
  await fib.close(false);
}

async function oneBeside(fib: FibPort, group: number, i: number): Promise<number> {
  const start = performance.now();
  fib.want(single, 65_536 + i, group);
  await answered(fib);
  return performance.now() - start;
}

function print(rows: readonly Row[]): void {
  const median = (list: number[]) => [...list].sort((a, b) => a - b)[list.length >> 1]!;
  const of = (who: string, what: string) => rows.filter((row) => row.who === who && row.what === what);
  const speed = (who: string, what: string) => count / median(of(who, what).map((row) => row.ms));
  process.stdout.write(`${count} IPv4 routes, median of ${rounds} rounds\n`);
  for (const who of [...new Set(rows.map((row) => row.who))])
    for (const what of ["add", "move", "del"]) {
      const list = of(who, what);
      if (list.length === 0) continue;
      const parts = [`${who.padEnd(22)} ${what.padEnd(5)} ${speed(who, what).toFixed(0).padStart(5)}k routes/s`];
      for (const other of ["ip -batch", "BIRD"])
        if (who !== other && of(other, what).length > 0)
          parts.push(`${(speed(who, what) / speed(other, what)).toFixed(2)} x ${other}`);
      if (list[0]!.userMicros !== undefined)
        parts.push(`user CPU ${median(list.map((row) => row.userMicros!)).toFixed(2)} us`);
      if (list[0]!.slowestSendMs !== undefined)
        parts.push(`longest send ${median(list.map((row) => row.slowestSendMs!)).toFixed(1)} ms`);
      if (list[0]!.loopP99 !== undefined)
        parts.push(
          `loop p99 ${median(list.map((row) => row.loopP99!)).toFixed(1)}, max ${median(list.map((row) => row.loopMax!)).toFixed(1)} ms`,
        );
      process.stdout.write(`${parts.join("  ")}\n`);
    }
}

if (child === undefined) await parent();
else if (child.startsWith("latency")) await latencies(child);
else await ours(child);
