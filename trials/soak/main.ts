import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { seededRandom } from "../../src/lib/random.ts";
import { orUsage, whole } from "../../testbed/command-line.ts";
import { obstacle } from "../../testbed/obstacle.ts";
import { Client } from "./client.ts";
import { compareTables, differences, type Verdict } from "./compare.ts";
import { judgeMemory, type Sample } from "./memory.ts";
import { clientAddress, oursAddress, plainVersion, Room, referenceAddress } from "./room.ts";
import { Stir } from "./stir.ts";

const usage = `npm run soak [-- --minutes N] [--clients N] [--routes N] [--seed N]: as root, with BIRD; half an hour, 200 clients, 20000 routes by default
npm run soak -- --minutes 2 --clients 40 --routes 4000: a quick look; memory is judged from ten minutes on`;

/**
 * The long run: the daemon as it is shipped and BIRD have the same clients, which tell both the same. Routes change, clients come and
 * go in every way, the config is read again and again, the daemon itself is restarted once. Every minute all rests for a moment: then each
 * client must hold the same from both, and what memory holds after a full collection is written down.
 */
const { minutes, clientCount, share, seed } = orUsage(usage, () => {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "30" },
      clients: { type: "string", default: "200" },
      routes: { type: "string", default: "20000" },
      seed: { type: "string", default: "1" },
    },
  });
  const clientCount = whole("--clients", values.clients);
  return {
    minutes: whole("--minutes", values.minutes),
    clientCount,
    share: Math.floor(whole("--routes", values.routes) / clientCount),
    seed: whole("--seed", values.seed),
  };
});
const MINUTE = 60_000;
/** Of each minute; the rest of it is for coming to rest. */
const STIR_MS = 44_000;
/** Buffers of a table that was just told, and the like. */
const SETTLE_MS = 6_000;
const REST_MS = 60_000;

const reason = obstacle(["bird"]);
if (reason !== null) {
  console.error(`Cannot run here: ${reason}.`);
  process.exit(2);
}

const random = seededRandom(seed);
const drops: string[] = [];
const room = new Room(clientCount);
const clients = Array.from(
  { length: clientCount },
  (_, i) =>
    new Client({
      address: clientAddress(i),
      ours: oursAddress,
      reference: referenceAddress,
      graceful: i % 2 === 0,
      routes: share * clientCount,
      onDrop: (why) => {
        drops.push(why);
        console.log(`  unexpected: ${why}`);
      },
    }),
);
const stir = new Stir(room, clients, share, random);

/** Waits until all sessions are up and every client holds the same from both; seconds, null when it doesn't come to that. */
async function rest(): Promise<number | null> {
  const begin = performance.now();
  while (performance.now() - begin < REST_MS) {
    if (clients.every(({ settled }) => settled) && differences(clients) === 0)
      return (performance.now() - begin) / 1000;
    await delay(100);
  }
  return null;
}

async function restartDaemon(): Promise<void> {
  for (const client of clients) client.expect("restart of the daemon");
  await room.ours.daemon.signal("SIGTERM");
  await room.ours.restart();
}

const mib = (octets: number): string => (octets / 2 ** 20).toFixed(2);
const verdicts: Verdict[] = [];
try {
  await room.start();
  console.log(
    `${clientCount} clients, ${share * clientCount} routes, seed ${seed}, ${minutes} minutes; ${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}`,
  );
  // One after the other: BIRD lets eight wait for being accepted, and whoever comes too many waits for retransmissions.
  for (const client of clients) {
    client.connect();
    await delay(20);
  }
  const first = await rest();
  console.log(`all up and equal after ${first?.toFixed(1) ?? "more than 60"} s`);
  console.log(
    "min | changes flaps restarts silences pauses resets refreshes reloads | unexpected | s to rest | heap external (arrays) MiB | RSS before, after, writer MiB | CPU % (BIRD) | loop p99 max ms | UPDATEs out",
  );
  const samples: Sample[] = [];
  const unequal: number[] = [];
  for (let minute = 1; minute <= minutes; minute++) {
    const started = performance.now();
    const cpu = room.cpuSeconds();
    await stir.run(STIR_MS);
    if (minute === Math.ceil(minutes / 10)) await restartDaemon();
    const lag = await room.metrics(
      'bgp_event_loop_lag_seconds{quantile="0.99"}',
      'bgp_event_loop_lag_seconds{quantile="1"}',
    );
    const rested = await rest();
    if (rested === null) unequal.push(minute);
    // Each time at the same point: what policies remember about attribute sets is as old as the last reload.
    await room.reload(plainVersion);
    await delay(Math.max(SETTLE_MS, started + MINUTE - performance.now()));
    const memory = await room.memory();
    samples.push({ minute, ...memory });
    const used = room.cpuSeconds();
    const seconds = (performance.now() - started) / 1000;
    const percent = (now: number, before: number) =>
      now < before ? "-" : ((100 * (now - before)) / seconds).toFixed(1);
    const h = stir.happened;
    console.log(
      [
        minute,
        `${h.changes} ${h.flaps} ${h.restarts} ${h.silences} ${h.pauses} ${h.resets} ${h.refreshes} ${h.reloads}`,
        drops.length,
        rested?.toFixed(1) ?? `not equal: ${differences(clients)}`,
        `${mib(memory.heapUsed)} ${mib(memory.external)} (${mib(memory.arrayBuffers)})`,
        `${mib(memory.rssBefore)} ${mib(memory.rss)} ${mib(memory.writerRss)}`,
        `${percent(used.ours, cpu.ours)} (${percent(used.reference, cpu.reference)})`,
        lag.map((s) => (s * 1000).toFixed(0)).join(" "),
        clients.reduce((sum, { updates }) => sum + updates, 0),
      ].join(" | "),
    );
  }
  verdicts.push(
    ...(await compareTables(room, clients)),
    {
      ok: unequal.length === 0,
      text: `minutes at whose end the clients didn't hold the same from both within ${REST_MS / 1000} s: ${unequal.join(", ") || "none"}`,
    },
    {
      ok: drops.length === 0,
      text: `sessions that ended unexpectedly: ${drops.length}${drops.length > 0 ? ` (${drops[0]})` : ""}`,
    },
    { ok: stir.happened.swallowed === 0, text: `broken configs that were taken on: ${stir.happened.swallowed}` },
    ...judgeMemory(samples),
  );
} catch (error) {
  verdicts.push({ ok: false, text: `${(error as Error).message}\n${room.ours.daemon.output.slice(-3_000)}` });
} finally {
  for (const client of clients) client.close();
  room.close();
}
for (const { ok, text } of verdicts) console.log(`${ok ? "met" : "NOT MET"}: ${text}`);
process.exit(verdicts.every(({ ok }) => ok) ? 0 : 1);
