import { readFileSync } from "node:fs";
import { PerformanceObserver, performance } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/**
 * Loaded into the daemon (NODE_OPTIONS=--import): when its loop stood still for long, a line on stderr says for what: how long the thread
 * ran, how long it waited for a CPU that others had (schedstat), and what the garbage collector took of it.
 */
const LOOK_MS = 10;
const LONG_MS = 40;

const collections: { start: number; ms: number }[] = [];
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) collections.push({ start: startTime, ms: duration });
  if (collections.length > 500) collections.splice(0, 400);
}).observe({ entryTypes: ["gc"] });

/** Milliseconds that the main thread ran and waited, ever. */
function scheduled(): { ran: number; waited: number } {
  const [ran, waited] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ");
  return { ran: Number(ran) / 1e6, waited: Number(waited) / 1e6 };
}

let last = { at: performance.now(), ...scheduled() };
// A worker may stand still as long as it likes.
const watch = isMainThread ? setInterval : () => ({ unref() {} });
watch(() => {
  const now = { at: performance.now(), ...scheduled() };
  const before = last;
  last = now;
  const ms = now.at - before.at;
  if (ms < LONG_MS) return;
  const collected = collections.filter(({ start, ms }) => start + ms > before.at).reduce((sum, { ms }) => sum + ms, 0);
  const parts = [ms, now.ran - before.ran, now.waited - before.waited, collected].map((figure) => figure.toFixed(0));
  process.stderr.write(`stall ${parts.join(" ")}\n`);
}, LOOK_MS).unref();
