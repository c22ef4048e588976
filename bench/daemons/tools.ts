import { spawnSync } from "node:child_process";

/** The first line that a command says, on either stream. */
export function firstLine(command: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  return `${stdout ?? ""}${stderr ?? ""}`.trim().split("\n")[0] ?? "";
}

/** Why `command` can't be run, or null. */
export const lacks = (command: string): string | null =>
  spawnSync("sh", ["-c", `command -v ${command}`]).status === 0 ? null : `${command} is not installed`;
