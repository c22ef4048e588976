import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Runs `work` while no other process holds `file`. A lock whose owner is dead is taken over. */
export async function withLock(file, what, work) {
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    for (let told = false; !take(mine, file); told = true) {
      if (!told) console.log(`Waiting for ${what} ...`);
      await delay(200);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  const release = () => rmSync(file, { force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.off("exit", release);
    release();
  }
}

/** link() is atomic and the file has its content from the start, so nobody ever reads a lock without an owner. */
function take(mine, file) {
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  try {
    process.kill(Number(readFileSync(file, "utf8")), 0);
  } catch (error) {
    if (error.code === "ESRCH") rmSync(file, { force: true });
  }
  return false;
}
