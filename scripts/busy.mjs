// node scripts/busy.mjs COUNT COMMAND ...: runs the command beside so many processes of the same niceness that only take CPU, as on
// a machine that others work on, too. For seeing that no test judges by the clock: node scripts/busy.mjs 8 npm run check
import { spawn } from "node:child_process";

const [count, command, ...words] = process.argv.slice(2);
if (!(Number(count) >= 1) || command === undefined) {
  console.error("usage: node scripts/busy.mjs COUNT COMMAND ...");
  process.exit(2);
}
// They end by themselves when we are gone, however that happened and however early.
const loop = `while (process.ppid === ${process.pid}) for (let i = 0; i < 1e8; i++);`;
const loops = new Set();
let over = false;
let replaced = 0;

// Each is a session of its own: the kernel may share the CPU between sessions first (sched(7), autogroup), and eight of one would
// weigh as little as one. Who looks for runaway processes may find them: then there is a new one.
function begin() {
  const child = spawn(process.execPath, ["-e", loop], { stdio: "ignore", detached: true });
  loops.add(child);
  child.on("exit", () => {
    loops.delete(child);
    if (over) return;
    replaced++;
    begin();
  });
}
for (let i = 0; i < Number(count); i++) begin();

const started = Date.now();
const child = spawn(command, words, { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => console.error(`Cannot run ${command}: ${error.message}`));
child.on("close", (code) => {
  over = true;
  for (const each of loops) each.kill("SIGKILL");
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.log(`${seconds} s beside ${count} busy loops${replaced > 0 ? ` (${replaced} replaced)` : ""}`);
  process.exitCode = code ?? 1;
});
