import t from "tap";
import { parseConfig } from "../../../src/config/load.ts";
import { NoFib, NoReader } from "../../../src/fib/no-fib.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { KernelSide } from "../../../src/speaker/kernel/kernel-side.ts";

/** What the log is told when a speaker lets go of a kernel that holds so many routes of ours. */
async function lastWords(kernel: string, installed: number, keep: boolean): Promise<string[]> {
  const lines: string[] = [];
  const log = { event: (_: string, name: string, message: string) => void lines.push(`${name}: ${message}`) };
  const fib = new NoFib();
  fib.counters.installed = installed;
  const config = parseConfig(`router: {as: 65001, router-id: 10.0.0.7}\nkernel: ${kernel}\n`, "p.yaml");
  await new KernelSide(config, { fib, reader: new NoReader() }, log, systemClock, () => {}).close(keep);
  return lines;
}

t.test("at the end the log says how many kernel routes stay, and how to remove them", async (t) => {
  const how = (table: number, metric: number) =>
    `to remove what stays: ip route flush table ${table} proto 186 metric ${metric}; ip -6 route flush table ${table} proto 186 metric ${metric}`;
  t.same(await lastWords("{fib: kernel}", 3, true), [
    `routes-stay: 3 kernel routes stay for the next start (kernel.keep-on-exit); ${how(254, 32)}`,
  ]);
  t.match(await lastWords("{fib: kernel, table: 100, metric: 7}", 1, true), [
    `routes-stay: 1 kernel route stays for the next start (kernel.keep-on-exit); ${how(100, 7)}`,
  ]);
  t.same(await lastWords("{fib: kernel}", 3, false), [], "removed");
  t.same(await lastWords("{fib: kernel}", 0, true), [], "none");
  t.same(await lastWords("{fib: memory}", 3, true), [], "not in a kernel");
});
