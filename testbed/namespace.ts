import { closeSync, openSync } from "node:fs";
import { createRequire } from "node:module";

const CLONE_NEWNET = 0x40000000;

/**
 * Runs `body` with this thread inside a network namespace: sockets that it opens and processes that it starts stay there.
 * What `body` does after its first await is outside again. Root only.
 */
export function inNamespace<T>(name: string, body: () => T): T {
  const setns = loadSetns();
  const home = openSync("/proc/thread-self/ns/net", "r");
  const away = openSync(`/run/netns/${name}`, "r");
  try {
    if (setns(away, CLONE_NEWNET) !== 0) throw new Error(`cannot enter the network namespace ${name}`);
    return body();
  } finally {
    setns(home, CLONE_NEWNET);
    closeSync(away);
    closeSync(home);
  }
}

/** Moves this thread into a network namespace for good: whatever it connects or starts from now on is there. Root only. */
export function enterNamespace(name: string): void {
  const away = openSync(`/run/netns/${name}`, "r");
  try {
    if (loadSetns()(away, CLONE_NEWNET) !== 0) throw new Error(`cannot enter the network namespace ${name}`);
  } finally {
    closeSync(away);
  }
}

function loadSetns(): (fd: number, kind: number) => number {
  const koffi: typeof import("koffi").default = createRequire(import.meta.url)("koffi");
  return koffi.load(null).func("int setns(int, int)") as unknown as (fd: number, kind: number) => number;
}
