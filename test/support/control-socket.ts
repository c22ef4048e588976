import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { type ControlServer, type ControlServerOptions, startControlServer } from "../../src/api/server.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { FakeSpeaker } from "./fake-speaker.ts";

/** A folder of the test's own; its path is short, as those of unix sockets must be. */
export function shortDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), "peerage-"));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The control server of a speaker whose answers are written down. */
export const controlServer = (
  path: string,
  speaker: FakeSpeaker,
  more: Partial<ControlServerOptions> = {},
): Promise<ControlServer> =>
  startControlServer({ path, view: speaker, control: speaker, clock: systemClock, log: silentLog, ...more });

/** The same on a socket of its own, for as long as the test lasts. */
export async function serve(t: Test, more: Partial<ControlServerOptions> = {}, speaker = new FakeSpeaker()) {
  const socket = join(shortDirectory(t), "s");
  const server = await controlServer(socket, speaker, more);
  t.teardown(() => server.close());
  return { speaker, socket, server };
}
