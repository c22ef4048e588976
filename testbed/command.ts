import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { stretched } from "./pace.ts";

/** A command that has not ended after so long will never end. */
const timeout = stretched(60_000);

export class CommandError extends Error {}

/** Runs a command to its end and returns its stdout. @throws CommandError with stderr when it fails or never ends. */
export function run(command: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0]!, command.slice(1), { stdio: ["pipe", "pipe", "pipe"], timeout });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", (error) => reject(new CommandError(`${command.join(" ")}: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(stdout);
      else {
        const how = child.killed ? `no end after ${timeout / 1000} s` : (signal ?? `exit ${code}`);
        reject(new CommandError(`${command.join(" ")}: ${how}: ${(stderr + stdout).trim()}`));
      }
    });
    child.stdin.on("error", () => {}); // a command that ends without reading its input
    child.stdin.end(input ?? "");
  });
}

/** The same at once, for setting up and for cleaning up when the process is about to end; never throws. */
export function runNow(command: readonly string[], input?: string): SpawnSyncReturns<string> {
  return spawnSync(command[0]!, command.slice(1), { encoding: "utf8", timeout, input: input ?? "" });
}
