import { fileURLToPath } from "node:url";
import { ControlClient } from "./api/client.ts";
import { processIo } from "./cli/io.ts";
import { runCli } from "./cli/program.ts";
import { runDaemon } from "./daemon.ts";
import { runLab } from "./lab/lab.ts";
import { version } from "./version.ts";

/** The composition root: hands the command line what its two long-running commands do. Started by main.ts. */

/** A speaker of the lab that answers no sooner counts as not there. */
const LAB_PATIENCE_MS = 2000;

const interrupted = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
  });

process.exitCode = await runCli(
  process.argv.slice(2),
  {
    version,
    run: ({ config }) => runDaemon(config),
    lab: ({ file, root }) =>
      runLab(
        {
          file,
          noRoot: !root,
          program: [process.execPath, fileURLToPath(new URL("./main.js", import.meta.url))],
          ask: (socket, path) => new ControlClient(socket, LAB_PATIENCE_MS).get(path),
          say: (text) => process.stdout.write(`${text}\n`),
        },
        interrupted(),
      ),
  },
  processIo(process),
);
