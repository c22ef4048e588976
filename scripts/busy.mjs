// node scripts/busy.mjs COUNT COMMAND ...: runs the command beside so many processes of the same niceness that only take CPU, as on
// a machine that others work on, too. For seeing that no test judges by the clock: node scripts/busy.mjs 8 npm run check
import { spawn } from "node:child_process";

const [count, command, ...words] = process.argv.slice(2);
if (!(Number(count) >= 1) || command === undefined) {
  console.error("usage: node scripts/busy.mjs COUNT COMMAND ...");
  process.exit(2);
}
// They end by themselves when we are gone, however that happened. Each is a session of its own: the kernel may share the CPU between
// sessions first (sched(7), autogroup), and eight of one would weigh as little as one.
const loop = "for (const parent = process.ppid; process.ppid === parent; ) for (let i = 0; i < 1e8; i++);";
const loops = Array.from({ length: Number(count) }, () =>
  spawn(process.execPath, ["-e", loop], { stdio: "ignore", detached: true }),
);
const started = Date.now();
const child = spawn(command, words, { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => console.error(`Cannot run ${command}: ${error.message}`));
child.on("close", (code) => {
  const gone = loops.filter((each) => each.exitCode !== null || each.signalCode !== null).length;
  for (const each of loops) each.kill("SIGKILL");
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.log(`beside ${count} busy loops${gone > 0 ? `, ${gone} of them ended before it` : ""}: ${seconds} s`);
  process.exitCode = code ?? 1;
});
