// Sets the checkout up, then runs one compiled program with the words that follow: node scripts/run.mjs dist/x.js ...
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root, setup } from "./setup.mjs";

const [program, ...words] = process.argv.slice(2);
await setup();
if (!existsSync(join(root, program))) {
  console.error(`There is no ${program.replace(/^dist\/(.*)\.js$/, "$1.ts")} in this checkout.`);
  process.exit(1);
}
const child = spawn(process.execPath, ["--enable-source-maps", join(root, program), ...words], { stdio: "inherit" });
// The terminal sends Ctrl-C to the child as well; it decides how to end.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("close", (code, signal) => {
  process.exitCode = signal ? 1 : code;
});
