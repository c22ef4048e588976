import { nlri4 } from "../../../testbed/speaker/octets.ts";
import type { ScriptedSpeaker } from "../../../testbed/speaker/scripted-speaker.ts";
import { clientsConfig, type Fault, type Finding, on, rounded, routeUpdate, Stage, tableOf } from "./stage.ts";

const routes = 100_000;
const peers = 60;
const churned = 20_000;
/** How often those are changed while one peer doesn't read. */
const rounds = 20;
const markers = ["99.0.0.0/24", "99.0.1.0/24"];

/** Feeds a table, then churn, to `peers` peers of which `stuck` never read; what it took and cost. */
async function converge(
  stuck: number,
): Promise<{ ms: number; memoryMb: number; stage: Stage; stalled: ScriptedSpeaker[] }> {
  const stage = new Stage(
    (lane) =>
      clientsConfig(lane, [lane.witness, ...lane.internals.slice(0, peers)], {
        timers: "{hold-time: 10, send-hold-time: 12}",
      }),
    { tight: true },
  );
  await stage.start();
  const { lane } = stage;
  const feeder = await stage.session(lane.witness, { ipv6: false });
  const watch = nlri4(markers[1]!);
  const all = await Promise.all(
    Array.from({ length: peers }, (_, i) => stage.session(lane.internal(i), { ipv6: false }, { watch })),
  );
  const stalled = all.slice(0, stuck);
  for (const peer of stalled) peer.socket.pause();
  const healthy = all.slice(stuck);
  // An attribute set for every five routes, so that there is something to send.
  const octets = [
    tableOf(lane, 0, routes, 5),
    routeUpdate(lane, markers[0]!),
    ...[1, 2, 3].map((generation) => tableOf(lane, 0, churned, 5, generation)),
    routeUpdate(lane, markers[1]!),
  ];
  await stage.idle();
  const started = performance.now();
  feeder.send(...octets);
  await stage.until("all that read have converged", () => healthy.every(({ watched }) => watched > 0), 120_000);
  return { ms: performance.now() - started, memoryMb: stage.memoryMb(), stage, stalled };
}

/** 7: some never read. */
export const neverRead: Fault = {
  number: 7,
  fault: `3 of ${peers} peers never read; ${routes} routes, then ${3 * churned} changes`,
  target: "others converge in <= 1.2 x the time without; < 100 MB extra; stuck peer ended by SendHoldTimer",
  async run() {
    const findings: Finding[] = [];
    const without: number[] = [];
    const withThem: number[] = [];
    let memoryWithout = Number.POSITIVE_INFINITY;
    let memoryWith = 0;
    let cost: string | null = null;
    for (let round = 0; round < 2; round++) {
      const plain = await converge(0);
      without.push(plain.ms);
      memoryWithout = Math.min(memoryWithout, plain.memoryMb);
      plain.stage.close();
      const { ms, memoryMb, stage, stalled } = await converge(3);
      withThem.push(ms);
      memoryWith = Math.max(memoryWith, memoryMb);
      cost = stage.cost();
      if (round === 1) {
        const stuckSince = performance.now();
        try {
          const ended = await stage.lab.until(
            "the stuck peers are given up",
            async () => {
              const { neighbors } = await stage.peerage.summary();
              const theirs = neighbors.filter(({ address }) =>
                stalled.some((_, i) => address === stage.lane.internal(i)),
              );
              return theirs.every(({ state }) => state !== "Established") ? theirs : false;
            },
            { withinSeconds: 30 },
          );
          const code = ended.map(({ lastError }) => `${lastError?.code}/${lastError?.subcode}`).join(" ");
          findings.push({
            ok: ended.every(({ lastError }) => lastError?.code === 8),
            measured: `send-hold-time 12: stuck peers ended with ${code} ${rounded((performance.now() - stuckSince) / 1000, 1)} s after the others had converged`,
          });
        } catch (error) {
          findings.push({ ok: false, measured: (error as Error).message });
        }
      }
      stage.close();
    }
    const ratio = Math.min(...withThem) / Math.min(...without);
    const extra = memoryWith - memoryWithout;
    findings.unshift({
      ok: ratio <= 1.2 && extra < 100,
      cost,
      measured: `converged in ${rounded(Math.min(...withThem))} ms, without them in ${rounded(Math.min(...without))} ms (x ${rounded(ratio, 2)}, the better of two runs each); ${rounded(extra)} MB extra`,
    });
    return findings;
  },
};

/** 8: one stops reading for a while. */
export const resumes: Fault = {
  number: 8,
  fault: `a peer stops reading during ${routes} routes and ${rounds * churned} changes, then goes on`,
  target: "ends with exactly the right table, no duplicate storm",
  run: () =>
    on(
      new Stage((lane) => clientsConfig(lane, [lane.witness, ...lane.internals.slice(0, 2)]), { tight: true }),
      async (stage) => {
        const { lane } = stage;
        const feeder = await stage.session(lane.witness, { ipv6: false });
        const steady = await stage.session(lane.internal(0), { ipv6: false });
        const stalled = await stage.session(lane.internal(1), { ipv6: false });
        await stage.idle();
        stalled.socket.pause();
        feeder.send(
          tableOf(lane, 0, routes, 5),
          ...Array.from({ length: rounds }, (_, i) => tableOf(lane, 0, churned, 5, i + 1)),
          routeUpdate(lane, markers[0]!),
        );
        await stage.until("the other one has everything", () => steady.routes.has(markers[0]!), 60_000);
        const before = stalled.announced;
        stalled.socket.resume();
        const ms = await stage.until("the stalled one has everything", () => stalled.routes.has(markers[0]!), 60_000);
        await stage.wait(1_000);
        const med = (peer: ScriptedSpeaker, prefix: string) => peer.routes.get(prefix)?.get(4)?.value;
        let different = 0;
        for (const prefix of steady.routes.keys()) if (med(steady, prefix) !== med(stalled, prefix)) different++;
        const size = steady.routes.size;
        const told = stalled.announced - before;
        return [
          {
            ok: different === 0 && stalled.routes.size === size && told <= 1.3 * size, // the table and what was under way, but not all changes again
            measured: `${size} routes, ${different} differ; after it went on it was told ${told} routes in ${rounded(ms)} ms (the other one ${steady.announced} in all)`,
          },
        ];
      },
    ),
};
