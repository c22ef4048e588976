import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./paths.ts";
import type { Result } from "./result.ts";
import { type ResultFile, superseded } from "./retention.ts";
import type { ScalingResult } from "./scaling/result.ts";

const folder = join(root, "bench/results");

/** Writes a result beside the earlier ones; the file's name says what and when. */
export function save(workload: string, at: string, result: object): string {
  mkdirSync(folder, { recursive: true });
  const stamp = at.replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  const file = join(folder, `${workload}-${stamp}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
  return file;
}

/** All results of workloads, oldest first. */
export const loadResults = (): Result[] => load<Result>((result) => Array.isArray(result.runs));

/** All results of `scaling`, oldest first. */
export const loadScaling = (): ScalingResult[] => load<ScalingResult>((result) => Array.isArray(result.scaling));

function load<T extends { readonly at: string }>(belongs: (result: T) => boolean): T[] {
  return resultFiles()
    .map(({ content }) => content as T)
    .filter(belongs)
    .sort((a, b) => a.at.localeCompare(b.at));
}

/** All that is kept. */
export function resultFiles(): ResultFile[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => ({ name, content: JSON.parse(readFileSync(join(folder, name), "utf8")) }));
}

/** Files of results that these texts name. */
export const namedIn = (texts: readonly string[]): Set<string> =>
  new Set(texts.flatMap((text) => [...text.matchAll(/bench\/results\/(\S+?\.json)/g)].map(([, name]) => name!)));

/** Removes what is superseded; the names. */
export function prune(named: ReadonlySet<string>): string[] {
  const gone = superseded(resultFiles(), named);
  for (const name of gone) rmSync(join(folder, name));
  return gone;
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
