#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { EarlySignals } from "./early-signals.ts";

/**
 * The door to program.ts. Node opens the files of a module graph all at once, a good hundred here; where that is more than the
 * process may open (`ulimit -n`), they are read one after the other instead. That costs a thread, so only there.
 */
const PLENTY_OF_FILES = 256;

const signals = new EarlySignals(process);

/** How many files this process may have open; no limit where nobody tells. */
function filesAllowed(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return line === null ? Number.POSITIVE_INFINITY : Number(line[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

if (filesAllowed() < PLENTY_OF_FILES) register("./one-file-loader.js", import.meta.url);
const { runProgram } = await import("./program.ts");
process.exitCode = await runProgram(signals);
