import { spawn } from "node:child_process";
import { once } from "node:events";
import t from "tap";
import { waitFor } from "../../testbed/wait.ts";

const room = new URL("../../src/os/", import.meta.url).href;

/** A process that hears the kernel, and then does this. */
const listener = (then: string) =>
  spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import { loadLibc } from "${room}libc.js";
       import { RouteNetlinkEvents } from "${room}netlink.js";
       const events = new RouteNetlinkEvents(loadLibc());
       events.onReadable(() => {});
       setImmediate(() => { ${then} });`,
    ],
    { stdio: ["ignore", "inherit", "inherit"] },
  );

// The thread that sleeps in poll() would hold the end up for ever.
for (const [how, then] of [
  ["closes the socket", "events.close();"],
  ["exits in a hurry", "process.exit(0);"],
] as const)
  t.test(
    `a process that listens to the kernel ends at once when it ${how}`,
    { skip: process.platform !== "linux" },
    async (t) => {
      const child = listener(then);
      t.teardown(() => child.kill("SIGKILL"));
      let code: number | null | undefined;
      void once(child, "exit").then(([ended]) => {
        code = ended;
      });
      await waitFor("it has ended", () => code !== undefined, { withinSeconds: 10 });
      t.equal(code, 0);
    },
  );
