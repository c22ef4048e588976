import { readdirSync, readFileSync } from "node:fs";

/** What a process and its children have used so far. */
export interface ProcessSample {
  /** User and system time of all threads, in seconds. */
  readonly cpuSeconds: number;
  readonly residentMb: number;
  /** The sum of each process's own peak (VmHWM). */
  readonly peakResidentMb: number;
}

/** The processes below `roots`, themselves included. */
export function processTree(roots: readonly number[]): number[] {
  const found = new Set<number>();
  const visit = (pid: number): void => {
    if (found.has(pid)) return;
    found.add(pid);
    for (const task of list(`/proc/${pid}/task`))
      for (const child of read(`/proc/${pid}/task/${task}/children`).split(" ")) if (child !== "") visit(Number(child));
  };
  for (const pid of roots) visit(pid);
  return [...found];
}

/** @throws Error if one of `pids` is gone: a daemon that died must not look cheap. */
export function sampleProcesses(pids: readonly number[]): ProcessSample {
  let [cpuSeconds, resident, peak] = [0, 0, 0];
  for (const pid of pids) {
    const status = read(`/proc/${pid}/status`);
    if (status === "" || /^State:\s+Z/m.test(status)) throw new Error(`process ${pid} of the daemon has ended`);
    cpuSeconds += cpuOf(pid);
    resident += field(status, "VmRSS");
    peak += field(status, "VmHWM");
  }
  return { cpuSeconds, residentMb: resident / 1024, peakResidentMb: peak / 1024 };
}

/**
 * The scheduler's own nanoseconds of every living thread where the kernel shows them: `stat` counts ticks of 10 ms, too coarse for the
 * floor. `stat` also has the time of threads that have ended, so the larger of both is it.
 */
function cpuOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = (Number(fields[11]) + Number(fields[12])) / 100;
  let nanoseconds = 0;
  for (const task of list(`/proc/${pid}/task`))
    nanoseconds += Number(read(`/proc/${pid}/task/${task}/schedstat`).split(" ")[0] ?? 0);
  const fine = nanoseconds / 1e9;
  return ticks > fine + 0.02 ? ticks : fine > 0 ? fine : ticks;
}

const field = (status: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
