import { closeSync, openSync } from "node:fs";
import { createRequire } from "node:module";

const CLONE_NEWNET = 0x40000000;

/**
 * Runs `body` with this thread inside a network namespace: sockets that it opens and processes that it starts stay there.
 * What `body` does after its first await is outside again. Root only.
 */
export function inNamespace<T>(name: string, body: () => T): T {
  const koffi: typeof import("koffi").default = createRequire(import.meta.url)("koffi");
  const setns = koffi.load(null).func("int setns(int, int)") as unknown as (fd: number, kind: number) => number;
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
