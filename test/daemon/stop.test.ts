import t from "tap";
import type { Summary } from "../../src/view/model.ts";
import { ScriptedSpeaker } from "../../testbed/speaker/scripted-speaker.ts";
import { waitFor } from "../../testbed/wait.ts";
import { configure, start } from "./program.ts";

t.test("SIGTERM ends a daemon with 0 however many sessions it has, and each hears why (RFC 4486 §4)", async (t) => {
  for (const sessions of [1, 257, 400]) {
    const { address, file, client } = configure(
      t,
      "dynamic-neighbors: [{range: 127.78.0.0/16, remote-as: internal}]\ntelemetry: {log: {level: warn}}\n",
    );
    const daemon = start(t, "run", "-c", file);
    await daemon.until(/ready/);
    const members = Array.from({ length: sessions }, (_, i) => {
      const routerId = `10.1.${i >> 8}.${i & 255}`;
      const from = `127.78.${1 + (i >> 8)}.${i & 255}`;
      return new ScriptedSpeaker({ from, to: address, port: 1790, who: { as: 65001, routerId } });
    });
    await waitFor("all sessions are up", async () => {
      const { neighbors } = await client.get<Summary>("/summary");
      return neighbors.filter(({ state }) => state === "Established").length === sessions;
    });
    daemon.process.kill("SIGTERM");
    t.equal(await daemon.ended, 0, `${sessions} sessions`);
    await waitFor("all connections are over", () => members.every(({ closed }) => closed));
    t.same(new Set(members.map(({ lastWord }) => lastWord)), new Set(["6/2"]));
  }
});
