import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BrokenOff } from "./broken-off.ts";
import type { Daemon, ReflectorSettings } from "./daemons/daemon.ts";
import { processTree } from "./measure/process.ts";
import type { Namespace } from "./net/namespace.ts";

/** A daemon that runs, fresh, and is gone without a trace after `stop`. */
export interface RunningDaemon {
  readonly pid: number;
  /** The end of what it said, for reports of failure. */
  words(): string;
  stop(): Promise<void>;
}

/** @throws BrokenOff when it doesn't listen within ten seconds. */
export async function startDaemon(
  daemon: Daemon,
  settings: ReflectorSettings,
  place: Namespace,
): Promise<RunningDaemon> {
  const folder = mkdtempSync(join(tmpdir(), "peerage-bench-"));
  const logFile = join(folder, "output.log");
  const { argv, env } = daemon.prepare(settings, folder);
  const [command, ...args] = place.inside(argv);
  const log = openSync(logFile, "w");
  const child = spawn(command!, args, { stdio: ["ignore", log, log], env: { ...process.env, ...env }, cwd: folder });
  closeSync(log);
  const words = () => readFileSync(logFile, "utf8").trim().split("\n").slice(-8).join("\n");
  const running: RunningDaemon = {
    pid: child.pid!,
    words,
    async stop() {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (const deadline = Date.now() + 10_000; !place.isListening(179); await sleep(20)) {
    const ended = child.exitCode ?? child.signalCode;
    if (ended === null && Date.now() < deadline) continue;
    const said = words();
    await running.stop();
    throw new BrokenOff(
      ended === null
        ? `${daemon.label} did not listen within 10 s: ${said}`
        : `${daemon.label} ended at its start (${ended}): ${said}`,
    );
  }
  return running;
}

/** SIGTERM to the daemon, SIGKILL to what is left of it and its children after three seconds. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const tree = processTree([child.pid!]);
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await Promise.race([gone, sleep(3000, undefined, { ref: false })]);
  for (const pid of tree) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // already gone
    }
  }
  await gone;
}
