import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { loadLibc } from "../../src/os/libc.ts";
import { orUsage, whole } from "../../testbed/command-line.ts";
import { ScriptedSpeaker } from "../../testbed/speaker/scripted-speaker.ts";
import { Encoder } from "../load/encode.ts";
import { formatMachine, thisMachine } from "../machine.ts";
import { root } from "../paths.ts";
import { commit, save } from "../store.ts";
import { Witness } from "./witness.ts";

/**
 * From an UPDATE to a route in the kernel, through the whole daemon: `npm run bench -- fib-latency [ROUTES] [ROUNDS]`.
 *
 * Two scripted speakers talk to one daemon with its writer as a process of its own. One sends single routes; each is timed
 * from just before its write() until a netlink socket tells that the kernel has it. So the way through TCP and the waking of the witness
 * are in the figure. First nothing else happens; then the other speaker announces all the others, again and again, and the single ones
 * are sent beside it, one each 10 ms, from its first byte until its last route is in the kernel. Needs root.
 */
const usage = "npm run bench -- fib-latency [ROUTES] [ROUNDS]";
/** `place`: "inside" for the process in the namespace, which measures. */
const { others, rounds, place } = orUsage(usage, () => {
  const [routes = "100000", rounds = "5", place] = parseArgs({ allowPositionals: true }).positionals;
  return { others: whole("ROUTES", routes), rounds: whole("ROUNDS", rounds), place };
});
const SINGLES = 2000;
const DAEMON = "10.0.0.1";
const NEXT_HOP = 0x0a000002;
/** Single routes start here. */
const SINGLE = 0x64400000;

async function parent(): Promise<void> {
  const namespace = `fibbench-${process.pid}`;
  const ip = (...args: string[]) => execFileSync("ip", args, { encoding: "utf8" });
  const folder = mkdtempSync(join(tmpdir(), "fibbench-"));
  const before = loadavg()[0]!;
  ip("netns", "add", namespace);
  const inside = ["netns", "exec", namespace, process.execPath];
  let daemon: ReturnType<typeof spawn> | null = null;
  try {
    for (const line of [
      "link set lo up",
      "link add v0 type veth peer name v1",
      "link set v0 up",
      "link set v1 up",
      `addr add ${DAEMON}/24 dev v0`,
      "addr add 10.0.0.8/32 dev lo",
      "addr add 10.0.0.9/32 dev lo",
    ])
      ip("-n", namespace, ...line.split(" "));
    const config = join(folder, "peerage.yaml");
    const control = join(folder, "peerage.sock");
    writeFileSync(
      config,
      `router: {as: 65001, router-id: ${DAEMON}, address: ${DAEMON}}\ncontrol: {socket: ${control}}\n` +
        "neighbors:\n  - {address: 10.0.0.8, remote-as: internal, passive: true}\n" +
        "  - {address: 10.0.0.9, remote-as: internal, passive: true}\n",
    );
    daemon = spawn("ip", [...inside, join(root, "dist/src/main.js"), "run", "-c", config], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise<void>((resolve, reject) => {
      daemon!.stdout!.on("data", (text) => String(text).includes("ready") && resolve());
      daemon!.once("exit", () => reject(new Error("the daemon ended")));
    });
    const command = [...inside, process.argv[1]!, String(others), String(rounds), "inside"];
    const output = execFileSync("ip", command, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    const figures = JSON.parse(output) as Figures;
    const at = new Date().toISOString();
    const machine = thisMachine();
    const result = {
      title: "UPDATE to kernel route, whole daemon",
      at,
      command: `npm run bench -- fib-latency ${others} ${rounds}`,
      machine,
      loadAverage: [before, loadavg()[0]!],
      commit: commit(),
      others,
      rounds,
      ...figures,
    };
    process.stdout.write(`UPDATE to kernel route, whole daemon, on ${formatMachine(machine)}\n`);
    for (const [name, { samples, p50, p99, most }] of Object.entries(figures.latency))
      process.stdout.write(
        `${name.padEnd(34)} p50 ${p50.toFixed(2)}  p99 ${p99.toFixed(2)}  most ${most.toFixed(2)} ms (${samples})\n`,
      );
    process.stdout.write(`${others} routes, first byte to last route: median ${figures.bulkMs.toFixed(0)} ms\n`);
    process.stdout.write(`kept in ${save("fib-latency", at, result)}\n`);
  } finally {
    daemon?.kill("SIGTERM");
    ip("netns", "del", namespace);
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Figures {
  readonly latency: Readonly<Record<string, { samples: number; p50: number; p99: number; most: number }>>;
  /** Median of the rounds: all the others. */
  readonly bulkMs: number;
}

/** Opens a session and says nothing more than it must; hold time 0, so no KEEPALIVE is due. */
async function establish(local: string): Promise<Socket> {
  const speaker = new ScriptedSpeaker({ from: local, to: DAEMON, watch: "00" });
  const who = { as: 65001, routerId: local, hold: 0, ipv6: false };
  if (!(await speaker.establish(who, 10_000)))
    throw new Error(`no session from ${local}: ${speaker.lastWord ?? speaker.ended}`);
  return speaker.socket;
}

function update(prefixes: number, prefixOf: (i: number) => number, length: number): Uint8Array {
  const e = new Encoder(4096);
  e.message(2, () => {
    e.u16(0);
    e.counted16(() => {
      e.attribute(0x40, 1, () => e.u8(0));
      e.attribute(0x40, 2, () => {});
      e.attribute(0x40, 3, () => e.u32(NEXT_HOP));
      e.attribute(0x40, 5, () => e.u32(100));
    });
    for (let i = 0; i < prefixes; i++) {
      e.u8(length);
      e.u32(prefixOf(i)); // four octets: /26 and /32 alike
    }
  });
  return e.bytes.slice(0, e.length);
}

function withdrawal(prefixes: number, prefixOf: (i: number) => number, length: number): Uint8Array {
  const e = new Encoder(4096);
  e.message(2, () => {
    e.counted16(() => {
      for (let i = 0; i < prefixes; i++) {
        e.u8(length);
        e.u32(prefixOf(i));
      }
    });
    e.u16(0);
  });
  return e.bytes.slice(0, e.length);
}

const PER_UPDATE = 800;

/** All the others in messages of 800. */
function all(one: typeof update): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let from = 0; from < others; from += PER_UPDATE)
    parts.push(one(Math.min(PER_UPDATE, others - from), (i) => 0x0b000000 + (from + i) * 64, 26));
  return Buffer.concat(parts);
}

/** Prefixes in the kernel's main table, by its own count (a walk of some milliseconds, so it isn't asked often). */
const held = (): number =>
  Number(/Main:[\s\S]*?Prefixes:\s+(\d+)/.exec(readFileSync("/proc/net/fib_triestat", "utf8"))?.[1] ?? 0);

async function measure(): Promise<void> {
  const witness = new Witness(loadLibc());
  const [bulk, single] = [await establish("10.0.0.8"), await establish("10.0.0.9")];
  let next = SINGLE;
  const one = async (): Promise<number> => {
    const address = next++;
    const message = update(1, () => address, 32);
    const heard = witness.heard(address);
    const start = performance.now();
    single.write(message);
    const ms = (await heard) - start;
    single.write(withdrawal(1, () => address, 32));
    return ms;
  };
  for (let i = 0; i < 500; i++) await one(); // both programs are compiled by then
  const idle: number[] = [];
  for (let i = 0; i < SINGLES; i++) {
    idle.push(await one());
    await delay(2);
  }
  const busy: number[] = [];
  const bulks: number[] = [];
  const [announce, withdraw] = [all(update), all(withdrawal)];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    bulk.write(announce);
    // one each 10 ms, whether or not those before it have arrived
    const singles: Promise<number>[] = [];
    do {
      singles.push(one());
      await delay(10);
    } while (singles.length % 5 !== 0 || held() < others);
    bulks.push(performance.now() - start);
    busy.push(...(await Promise.all(singles)));
    bulk.write(withdraw);
    while (held() >= 100) await delay(50);
    await delay(200);
  }
  const summary = (list: number[]) => {
    list.sort((a, b) => a - b);
    const at = (share: number) => list[Math.min(list.length - 1, Math.floor(list.length * share))]!;
    return { samples: list.length, p50: at(0.5), p99: at(0.99), most: list.at(-1)! };
  };
  bulks.sort((a, b) => a - b);
  const figures: Figures = {
    latency: { idle: summary(idle), [`while ${others} others are written`]: summary(busy) },
    bulkMs: bulks[bulks.length >> 1]!,
  };
  process.stdout.write(JSON.stringify(figures));
  for (const each of [bulk, single]) each.destroy();
  witness.close();
}

if (place === "inside") await measure();
else await parent();
