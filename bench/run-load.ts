import { spawn } from "node:child_process";
import { join } from "node:path";
import { BrokenOff } from "./broken-off.ts";
import type { LoadResult, LoadSpec } from "./load/spec.ts";
import type { Namespace } from "./net/namespace.ts";
import { root } from "./paths.ts";

/** Runs the generator in its own process. @throws Error with its words when it fails. */
export function runLoad(spec: LoadSpec, place: Namespace): Promise<LoadResult> {
  const main = join(root, "dist/bench/load/main.js");
  const [command, ...args] = place.inside([process.execPath, "--max-semi-space-size=64", main]);
  const child = spawn(command!, args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(JSON.stringify(spec));
  let [answer, words] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words += text;
    if (text.startsWith("    ")) process.stderr.write(text);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(JSON.parse(answer) as LoadResult);
      else if (signal !== null) reject(new BrokenOff(`the generator was ended by ${signal}`));
      else reject(new Error(/^\w*Error: (.*)/m.exec(words)?.[1] ?? words.trim().split("\n").slice(-3).join(" ")));
    });
  });
}
