import { readFileSync } from "node:fs";
import type { LoadHook } from "node:module";
import { fileURLToPath } from "node:url";

/** A loader that has one file open at a time: for main.ts, where few may be open. https://nodejs.org/docs/latest-v20.x/api/module.html#hooks */
export const load: LoadHook = async (url, context, nextLoad) => {
  if (context.format !== "module" || !url.startsWith("file:")) return nextLoad(url, context);
  return { format: "module", shortCircuit: true, source: readFileSync(fileURLToPath(url)) };
};
