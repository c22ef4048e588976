import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../../src/lib/random.ts";
import { below, oneOf, randomAttributes } from "./attributes.ts";
import type { Client } from "./client.ts";
import { plainVersion, type Room } from "./room.ts";

/** Changes come in handfuls, as from nodes that start several workloads at once. */
const TICK_MS = 100;
const CHANGES_EACH = 5;
const EVENT_MS = 2_000;
/** Six kinds of them, all in every minute. */
const RELOAD_MS = 6_500;
/** Of a client's numbers, how many are also announced by the client before it. */
const SHARED = 10;

/** What happened to the daemons since the start, in figures. */
export interface Happened {
  changes: number;
  flaps: number;
  restarts: number;
  silences: number;
  pauses: number;
  resets: number;
  refreshes: number;
  reloads: number;
  /** Broken configs that were taken on all the same. */
  swallowed: number;
}

/** Keeps everything moving, from a seed: route changes, clients that come and go, resets and reloads. */
export class Stir {
  readonly happened: Happened = {
    changes: 0,
    flaps: 0,
    restarts: 0,
    silences: 0,
    pauses: 0,
    resets: 0,
    refreshes: 0,
    reloads: 0,
    swallowed: 0,
  };
  readonly #room: Room;
  readonly #clients: readonly Client[];
  readonly #share: number;
  readonly #random: Random;
  #reloading = 0;

  /** @param share how many routes each client calls its own */
  constructor(room: Room, clients: readonly Client[], share: number, random: Random) {
    this.#room = room;
    this.#clients = clients;
    this.#share = share;
    this.#random = random;
    for (const [i, client] of clients.entries())
      for (const route of this.#routesOf(i)) client.routes.set(route, this.#attributes(client));
  }

  /** Numbers that client `i` announces: its own, and some of the next one's. */
  #routesOf(i: number): number[] {
    const next = (i + 1) % this.#clients.length;
    const run = (first: number, count: number) => Array.from({ length: count }, (_, at) => first + at);
    return [...run(i * this.#share, this.#share), ...run(next * this.#share, SHARED)];
  }

  #attributes(client: Client): Buffer {
    return randomAttributes(this.#random, Buffer.from(client.address.split(".").map(Number)));
  }

  /** For so long; when it returns, the config is the plain one and nothing new begins. */
  async run(ms: number): Promise<void> {
    const end = performance.now() + ms;
    const every = async (pauseMs: number, what: () => void | Promise<void>, stopBefore = 0) => {
      while (performance.now() + pauseMs < end - stopBefore) {
        await delay(pauseMs);
        await what();
      }
    };
    await Promise.all([
      every(TICK_MS, () => this.#change()),
      every(EVENT_MS, () => this.#event(), 3_000),
      every(RELOAD_MS, () => this.#reload(), 3_000),
    ]);
    await this.#room.reload(plainVersion);
  }

  #change(): void {
    for (let i = 0; i < CHANGES_EACH; i++) {
      const at = below(this.#random, this.#clients.length);
      const client = this.#clients[at]!;
      const route = oneOf(this.#random, this.#routesOf(at));
      if (client.routes.has(route) && below(this.#random, 4) === 0) client.withdraw(route);
      else client.announce(route, this.#attributes(client));
      this.happened.changes++;
    }
  }

  async #event(): Promise<void> {
    const { happened } = this;
    const client = oneOf(
      this.#random,
      this.#clients.filter(({ settled }) => settled),
    );
    if (client === undefined) return;
    const dice = below(this.#random, 20);
    const back = 300 + below(this.#random, 2_000);
    if (dice < 10) {
      const how = dice < 6 ? "RST" : dice < 8 ? "FIN" : "Cease";
      if (client.graceful && how !== "Cease") happened.restarts++;
      else happened.flaps++;
      client.goAway(how, back);
    } else if (dice < 11) {
      happened.silences++;
      client.fallSilent();
    } else if (dice < 14) {
      happened.pauses++;
      client.stopReading(2_000 + 2 * back);
    } else if (dice < 17) {
      happened.resets++;
      client.expect("reset");
      await this.#room.ours.reset(client.address);
    } else {
      happened.refreshes++;
      await this.#room.ours.reset(client.address, dice === 17 ? "out" : "in");
    }
  }

  /** In turn: other descriptions, an import policy and back, a neighbor out and in again, a broken file. */
  async #reload(): Promise<void> {
    const turn = this.#reloading++ % 6;
    this.happened.reloads++;
    if (turn === 0) await this.#room.reload({ ...plainVersion, description: `reload ${this.#reloading}` });
    else if (turn === 1) await this.#room.reload({ ...plainVersion, preferring: true });
    else if (turn === 3) {
      const without = below(this.#random, this.#clients.length / 10) * 10;
      this.#clients[without]!.expect("taken out of the config");
      await this.#room.reload({ ...plainVersion, without });
    } else if (turn === 5) {
      if (!(await this.#room.reloadBroken())) this.happened.swallowed++;
    } else await this.#room.reload(plainVersion);
  }
}
