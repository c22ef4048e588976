import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Stage } from "./plan.ts";

/** Labs are directories of this name in the system's temporary one. */
export const DIRECTORY_PREFIX = "peerage-lab-";

interface Owner {
  readonly pid: number;
  /** A process id comes again, together with this it doesn't. */
  readonly startTime: string | null;
  readonly stage: Stage;
}

/** Says whose directory it is, to the labs that come later. */
export function claim(directory: string, stage: Stage): void {
  writeFileSync(
    ownerFile(directory),
    JSON.stringify({ pid: process.pid, startTime: startTimeOf(process.pid), stage } satisfies Owner),
  );
}

/**
 * Two labs of a kind want the same addresses or the same namespaces: the later one refuses. What labs left behind that were killed
 * before they could clean up is ended and removed.
 * @throws Error with one sentence
 */
export function makeRoom(stage: Stage, parent = tmpdir()): void {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(DIRECTORY_PREFIX)) continue;
    const directory = join(parent, name);
    const owner = ownerOf(directory);
    if (owner === null) continue;
    if (owner.startTime !== startTimeOf(owner.pid)) removeLab(directory);
    else if (owner.stage === stage)
      throw new Error(`Another lab is running (process ${owner.pid}, ${directory}): end it first, with Ctrl-C.`);
  }
}

const ownerFile = (directory: string): string => join(directory, "owner.json");

/** Null for directories that nobody claimed, and for those of other users: only what is ours is ours to remove. */
function ownerOf(directory: string): Owner | null {
  try {
    if (statSync(directory).uid !== process.getuid?.()) return null;
    return JSON.parse(readFileSync(ownerFile(directory), "utf8")) as Owner;
  } catch {
    return null;
  }
}

function removeLab(directory: string): void {
  for (const pid of readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number))
    if (isSpeakerOf(directory, commandOf(pid))) end(pid);
  rmSync(directory, { recursive: true, force: true });
}

const isSpeakerOf = (directory: string, command: readonly string[]): boolean =>
  command.includes("run") && command.some((word) => word.startsWith(`${directory}/`) && word.endsWith(".yaml"));

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone meanwhile.
  }
}

/** In ticks since the machine started; null if the process is gone. */
function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null; // proc(5): (22) starttime
  } catch {
    return null;
  }
}

/** The words of a process's command line; none if it is gone. */
function commandOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
