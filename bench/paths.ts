import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout: this file runs as dist/bench/paths.js. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
