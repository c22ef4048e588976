import { renameSync, writeFileSync } from "node:fs";
import { setFlagsFromString, writeHeapSnapshot } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Loaded into the daemon (NODE_OPTIONS=--import) and otherwise idle: each SIGUSR2 collects all garbage and writes down what memory is left.
 * Nothing from outside can have the engine collect, and without that a heap says more about the collector's mood than about leaks.
 */
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const file = `${process.env.PEERAGE_SOAK_PROBE}.${process.pid}`;

process.on("SIGUSR2", () => {
  collect();
  // What finalizers and weak references let go is garbage only now.
  setImmediate(() => {
    collect();
    const { heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
    writeFileSync(`${file}.new`, JSON.stringify({ heapUsed, heapTotal, external, arrayBuffers }));
    renameSync(`${file}.new`, file);
    if (process.env.PEERAGE_SOAK_SNAPSHOTS) writeHeapSnapshot(`${file}.${Date.now()}.heapsnapshot`);
  });
});
