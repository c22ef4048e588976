#!/usr/bin/env node
import { fileURLToPath } from "node:url";
import { ControlClient } from "./api/client.ts";
import { runDaemon } from "./daemon.ts";
import { runLab } from "./lab/lab.ts";

/** The composition root: the only file that knows all rooms. */
const [command, ...args] = process.argv.slice(2);
const stopped = () =>
  new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve());
  });
if (command === "run" && args[0] === "-c" && args[1] !== undefined) process.exit(await runDaemon(args[1]));
else if (command === "lab")
  process.exit(
    await runLab(
      {
        file: args.find((arg) => !arg.startsWith("-")) ?? null,
        noRoot: args.includes("--no-root"),
        program: [process.execPath, fileURLToPath(import.meta.url)],
        ask: (socket, path) => new ControlClient(socket, 2000).get(path),
        say: (text) => console.log(text),
      },
      stopped(),
    ),
  );
