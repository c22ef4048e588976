import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./paths.ts";
import type { Result } from "./result.ts";

const folder = join(root, "bench/results");

/** Writes a result beside the earlier ones; the file's name says what and when. */
export function saveResult(result: Result): string {
  mkdirSync(folder, { recursive: true });
  const stamp = result.at.replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  const file = join(folder, `${result.workload}-${stamp}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
  return file;
}

/** All results, oldest first. */
export function loadResults(): Result[] {
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  } catch {
    return [];
  }
  return names
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Result)
    .filter((result) => Array.isArray(result.runs))
    .sort((a, b) => a.at.localeCompare(b.at));
}

/** The commit that is measured, with a "+" when files differ from it. */
export function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync("git", ["-C", root, ...args], { encoding: "utf8" }).trim();
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain", "src") === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}
