import { fileURLToPath } from "node:url";
import { processIo } from "./cli/io.ts";
import { runCli } from "./cli/program.ts";
import type { EarlySignals } from "./early-signals.ts";
import { version } from "./version.ts";

/**
 * The composition root: hands the command line what its two long-running commands do. Started by main.ts. Whoever only asks a daemon
 * something loads neither of them, as the daemon loads no lab: what isn't used costs nothing.
 */

/** A speaker of the lab that answers no sooner counts as not there. */
const LAB_PATIENCE_MS = 2000;

/**
 * Carries out what the command line says. Resolves to the exit code, but for the daemon, which exits by itself: Node would wait for
 * whatever a socket or a child process has left behind, and a daemon that was asked to end has to.
 */
export async function runProgram(signals: EarlySignals): Promise<number> {
  let wasDaemon = false;
  const code = await runCli(
    process.argv.slice(2),
    {
      version,
      run: async ({ config }) => {
        wasDaemon = true;
        return (await import("./daemon.ts")).runDaemon(config, signals);
      },
      lab: async ({ file, root }) => {
        const [{ runLab }, { ControlClient }] = await Promise.all([import("./lab/lab.ts"), import("./api/client.ts")]);
        return runLab(
          {
            file,
            noRoot: !root,
            program: [process.execPath, fileURLToPath(new URL("./main.js", import.meta.url))],
            ask: (socket, path) => new ControlClient(socket, LAB_PATIENCE_MS).get(path),
            say: (text) => process.stdout.write(`${text}\n`),
          },
          new Promise((resolve) => signals.takeOver(() => resolve())),
        );
      },
      other: () => signals.letGo(),
    },
    processIo(process),
  );
  return wasDaemon ? process.exit(code) : code;
}
