import { runNow } from "../../../testbed/command.ts";

/** What a program says of itself. */
export function versionOf(command: readonly string[], pattern: RegExp): string {
  const { stdout, stderr } = runNow(command);
  return pattern.exec(`${stdout}${stderr}`)?.[1] ?? "unknown";
}
