import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { ControlClient } from "../../src/api/client.ts";
import { waitFor } from "../../testbed/wait.ts";

/** The program itself, as it is started by people: on loopback, with routes in memory, so that it needs no rights. */
const program = "dist/src/main.js";

export interface Running {
  readonly process: ChildProcess;
  readonly output: () => string;
  /** Resolves with the output so far once it matches; rejects if the program ends before. */
  until(pattern: RegExp): Promise<string>;
  /** Exit code. */
  readonly ended: Promise<number | null>;
}

export const start = (t: Test, ...words: string[]): Running => startNode(t, [], words);

/** The same with options of Node's. */
export function startNode(t: Test, options: readonly string[], words: readonly string[]): Running {
  const child = spawn(process.execPath, [...options, program, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  t.teardown(() => child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  let over = false;
  const ended = once(child, "close").then(([code]) => {
    over = true;
    return code as number | null;
  });
  return {
    process: child,
    output: () => output,
    ended,
    until: (pattern) =>
      waitFor(`${words[0]} says ${pattern}`, () => pattern.test(output) && output, {
        seen: () => output.slice(-2000),
        abort: () => {
          if (over) throw new Error(`ended before ${pattern}:\n${output}`);
        },
      }),
  };
}

export function directory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), "peerage-daemon-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Loopback addresses of this process alone: 127.77.x.y. */
let configs = 0;
export function configure(t: Test, more = "", folder = directory(t)) {
  const id = ++configs;
  const address = `127.77.${process.pid % 250}.${id}`;
  const file = join(folder, `${id}.yaml`);
  const socket = join(folder, `${id}.sock`);
  const base = `router: {as: 65001, router-id: 10.0.0.${id}, listen: {address: ${address}, port: 1790}}
kernel: {fib: memory}
control: {socket: ${id}.sock}
`;
  const write = (extra: string) => writeFileSync(file, base + extra);
  write(more);
  return { address, file, socket, write, client: new ControlClient(socket) };
}
