import { monitorEventLoopDelay } from "node:perf_hooks";
import type { ProcessFigures } from "./metrics.ts";

/** Milliseconds between two looks at the event loop: coarse enough to cost nothing. */
const RESOLUTION_MS = 20;

/** The figures of this process. The event loop is watched from now on, until `stop`. */
export function thisProcess(logLinesDropped: () => number): ProcessFigures & { stop(): void } {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  // The histogram holds the whole interval between two looks, in nanoseconds.
  const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000) || 0;
  return {
    loopLag: {
      read() {
        const figures =
          delay.count === 0
            ? { p50: 0, p99: 0, max: 0 }
            : { p50: seconds(delay.percentile(50)), p99: seconds(delay.percentile(99)), max: seconds(delay.max) };
        delay.reset();
        return figures;
      },
    },
    nodeVersion: process.versions.node,
    residentBytes,
    cpuSeconds: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
    startedAt: Date.now() / 1000 - process.uptime(),
    logLinesDropped,
    stop: () => delay.disable(),
  };
}

/** 0 where it can't be known: without a free file descriptor the system doesn't tell. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}
