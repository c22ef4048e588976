import { readFileSync } from "node:fs";
import { register } from "node:module";

/**
 * Node opens the files of a module graph all at once, a good hundred here; where that is more than the process may open (`ulimit -n`),
 * they are read one after the other instead. That costs a thread, so only there.
 */
const PLENTY_OF_FILES = 256;

/** Whether this process may have only few files open; not so where nobody tells. */
export function fewFilesAllowed(): boolean {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return line !== null && Number(line[1]) < PLENTY_OF_FILES;
  } catch {
    return false;
  }
}

export function loadOneByOne(): void {
  register("./one-file-loader.js", import.meta.url);
}
