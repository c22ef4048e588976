import { nlri4 } from "../../../testbed/speaker/octets.ts";
import type { ScriptedSpeaker } from "../../../testbed/speaker/scripted-speaker.ts";
import type { Lane } from "../lane.ts";
import { clientsConfig, type Fault, type Finding, on, rounded, routeUpdate, Stage, tableOf } from "./stage.ts";

const peers = 500;
const routes = 1_000;

const plain = (lane: Lane): string => clientsConfig(lane, [lane.witness, ...lane.internals]);
/** The line of one neighbor, with this behind it. */
const changed = (lane: Lane, more: string): string =>
  plain(lane).replace(
    `{address: ${lane.internal(7)}, peer-group: clients}`,
    `{address: ${lane.internal(7)}, peer-group: clients, ${more}}`,
  );

/** 9: the config is read again. */
export const reload: Fault = {
  number: 9,
  fault: `the config is read again, 1 of ${peers} peers changed; and one with a fault in it`,
  target: "499 sessions up with no UPDATE caused by the reload; bad config refused whole, old one stays",
  run: () =>
    on(new Stage(plain), async (stage) => {
      const { lane } = stage;
      const feeder = await stage.session(lane.witness, { ipv6: false });
      const all: ScriptedSpeaker[] = [];
      for (const address of lane.internals)
        all.push(await stage.session(address, { ipv6: false }, { watch: nlri4("99.0.0.0/24") }));
      const others = all.filter((_, i) => i !== 7);
      feeder.send(tableOf(lane, 0, routes, 50), routeUpdate(lane, "98.0.0.0/24"));
      await stage.until("all have the table", () => all.every((peer) => peer.updatesReceived >= routes / 50));
      await stage.wait(2_000);
      await stage.idle();
      const findings: Finding[] = [];
      const heard = () => others.reduce((sum, peer) => sum + peer.updatesReceived, 0);
      const attempt = async (what: string, config: string, ends: boolean) => {
        const before = heard();
        stage.peerage.configure(config);
        const began = performance.now();
        const answer = await stage.peerage.reload().then(
          () => "taken on",
          (error: Error) => (/\d+:\d+/.test(error.message) ? "refused with its place" : error.message),
        );
        const ms = performance.now() - began;
        await stage.wait(2_000);
        const up = others.filter((peer) => !peer.over).length;
        const told = heard() - before;
        const itself = all[7]!.over;
        findings.push({
          ok: up === peers - 1 && told === 0 && itself === ends && (what === "broken") === (answer !== "taken on"),
          measured: `${what}: ${answer} after ${rounded(ms)} ms; ${up} of the other ${peers - 1} sessions up, ${told} UPDATEs at them, the peer's own session ${itself ? "restarted" : "up"}`,
        });
      };
      await attempt(
        "description and import policy of one",
        `${changed(lane, "description: new, import-policy: [all]")}policies: {all: [{then: accept}]}\n`,
        false,
      );
      await attempt("broken", `${plain(lane)}nieghbors: []\n`, false);
      await attempt("a capability of one", changed(lane, "address-families: {ipv4-unicast: {}}"), true);
      feeder.send(routeUpdate(lane, "99.0.0.0/24"));
      const ms = await stage.until("a route passes to all others", () => others.every(({ watched }) => watched > 0));
      findings.push({ ok: ms < 2_000, measured: `afterwards a route reaches all of them in ${rounded(ms)} ms` });
      return findings;
    }),
};
