import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { openFib } from "../../src/fib/open.ts";
import type { FibPort } from "../../src/fib/port.ts";
import { formatIpv4 } from "../../src/lib/address.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openFibOs } from "../../src/os/fib-os.ts";

/**
 * The FIB writer through its whole queue, against `ip -batch` in the same run. Needs root; makes a network namespace of
 * its own. `node dist/bench/fib/writer.js [routes]`.
 */
const NAMESPACE = "fib-bench";
const count = Number(process.argv[2] ?? 100_000);
const inside = process.argv[3] !== undefined;

function sh(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 30 });
}

if (!inside) {
  try {
    sh("ip", "netns", "del", NAMESPACE);
  } catch {}
  sh("ip", "netns", "add", NAMESPACE);
  try {
    for (const line of [
      "link add v0 type veth peer name v1",
      "link set v0 up",
      "link set v1 up",
      "addr add 10.0.0.1/24 dev v0",
    ])
      sh("ip", "-n", NAMESPACE, ...line.split(" "));
    for (const mode of ["ip-batch", "inside", "process", "inside objects"]) {
      try {
        process.stdout.write(
          execFileSync("ip", ["netns", "exec", NAMESPACE, process.execPath, process.argv[1]!, String(count), mode], {
            encoding: "utf8",
            stdio: ["ignore", "pipe", "inherit"],
          }),
        );
      } catch (error) {
        process.stdout.write(`${mode}: ${(error as Error).message}\n`);
      }
    }
  } finally {
    sh("ip", "netns", "del", NAMESPACE);
  }
} else if (process.argv[3] === "ip-batch") ipBatch();
else await ours(process.argv[3]!);

function address(i: number): number {
  return (0x0b000000 + i * 256) >>> 0;
}

function ipBatch(): void {
  for (const verb of ["add", "del"]) {
    let text = "";
    for (let i = 0; i < count; i++)
      text += `route ${verb} ${formatIpv4(address(i))}/24 via 10.0.0.2 dev v0 proto bgp metric 32\n`;
    writeFileSync("/tmp/fib-bench.batch", text);
    const start = performance.now();
    sh("ip", "-batch", "/tmp/fib-bench.batch");
    report(`ip -batch ${verb}`, performance.now() - start, 0);
  }
}

async function ours(mode: string): Promise<void> {
  const { fib, reader } = openFib({
    mode: "kernel",
    table: 254,
    protocol: 186,
    metric: 32,
    nexthopObjects: mode.includes("objects"),
    writer: mode.includes("process") ? "process" : "inside",
    clock: systemClock,
    os: openFibOs(),
  });
  await fib.ready;
  const ifindex = reader.linkByName("v0")!.ifindex;
  const hop = (last: number) => ({
    type: "unicast" as const,
    nextHops: [{ via: [0x0a000000 + last], ifindex, onlink: false, weight: 1 }],
  });
  const group = fib.openGroup(hop(2));
  await timed(fib, `${mode} add`, () => {
    for (let i = 0; i < count; i++) fib.set4(address(i), 24, group);
  });
  const cpu = process.cpuUsage();
  const start = performance.now();
  fib.retarget(group, hop(3));
  await new Promise<void>((done) => fib.barrier(done));
  report(`${mode} retarget`, performance.now() - start, process.cpuUsage(cpu).user);
  await timed(fib, `${mode} del`, () => {
    for (let i = 0; i < count; i++) fib.remove4(address(i), 24);
  });
  process.stdout.write(`  ${JSON.stringify(fib.counters.operations)}\n`);
  await fib.close(false);
}

async function timed(fib: FibPort, what: string, run: () => void): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = process.cpuUsage();
  const start = performance.now();
  run();
  await new Promise<void>((done) => fib.barrier(done));
  const took = performance.now() - start;
  delay.disable();
  report(what, took, process.cpuUsage(cpu).user);
  process.stdout.write(
    `  loop delay p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, max ${(delay.max / 1e6).toFixed(1)} ms\n`,
  );
}

function report(what: string, ms: number, userMicros: number): void {
  const perRoute = userMicros > 0 ? `, user CPU ${(userMicros / count).toFixed(2)} us a route` : "";
  process.stdout.write(
    `${what.padEnd(22)} ${ms.toFixed(0).padStart(6)} ms ${Math.round((count / ms) * 1000)
      .toString()
      .padStart(8)} routes/s${perRoute}\n`,
  );
}
