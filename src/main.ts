#!/usr/bin/env node
import { EarlySignals } from "./early-signals.ts";
import { fewFilesAllowed, loadOneByOne } from "./few-files.ts";

/** The door to program.ts, once signals are caught. */
const signals = new EarlySignals(process);
if (fewFilesAllowed()) loadOneByOne();
const { runProgram } = await import("./program.ts");
process.exitCode = await runProgram(signals);
