import { writeSync } from "node:fs";
import { type LoadHook, register } from "node:module";
import { isMainThread } from "node:worker_threads";

/**
 * Loaded into a program (`node --import`): says on stderr which files of modules its main thread loads, `loaded URL` a line.
 * https://nodejs.org/docs/latest-v20.x/api/module.html#hooks
 */
const HOOKS = "?hooks";

export const load: LoadHook = (url, context, nextLoad) => {
  if (url.startsWith("file:")) writeSync(2, `loaded ${url}\n`);
  return nextLoad(url, context);
};

if (isMainThread && !import.meta.url.endsWith(HOOKS)) register(`${import.meta.url}${HOOKS}`);
