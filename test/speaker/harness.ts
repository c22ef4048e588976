import { diffConfig } from "../../src/config/diff.ts";
import { parseConfig } from "../../src/config/load.ts";
import { openFib } from "../../src/fib/open.ts";
import { parsePrefix } from "../../src/lib/address.ts";
import type { Log } from "../../src/lib/log.ts";
import { seededRandom } from "../../src/lib/random.ts";
import type { MemoryPort } from "../../src/speaker/load/memory-guard.ts";
import { Speaker } from "../../src/speaker/speaker.ts";
import type { PrefixQuestion } from "../../src/view/view-port.ts";
import { type SimulatedHost, SimulatedNetwork } from "../../testbed/simulated-network.ts";
import type { VirtualClock } from "../../testbed/virtual-clock.ts";
import { WholeView } from "../../testbed/whole-view.ts";

/** One real speaker on a simulated host. */
export interface TestSpeaker {
  readonly name: string;
  readonly speaker: Speaker;
  readonly view: WholeView;
  readonly host: SimulatedHost;
  /** What was logged: name, sentence, fields. */
  readonly log: string[];
  reload(yaml: string): void;
}

/** Several real speakers on a simulated network, under virtual time. */
export class TestWorld {
  readonly network = new SimulatedNetwork();
  readonly clock: VirtualClock = this.network.clock;
  readonly #journals = new Map<string, string>();
  #seed = 1;

  /** Starts a speaker at `address` with this config. */
  start(name: string, address: string, yaml: string, memory?: MemoryPort): TestSpeaker {
    const config = parseConfig(yaml, `${name}.yaml`);
    const host = this.network.host(address);
    const { clock } = this;
    const lines: string[] = [];
    const log: Log = {
      event(_, event, message, fields = {}) {
        const more = Object.entries(fields).map(([key, value]) => `${key}=${value}`);
        lines.push([event, message, ...more].join(" "));
      },
    };
    const speaker = new Speaker(config, {
      clock,
      random: seededRandom(this.#seed++),
      network: host,
      ...(memory && { memory }),
      log,
      journal: { read: () => this.#journals.get(name) ?? null, write: (text) => void this.#journals.set(name, text) },
      openFib: (kernel) => openFib({ ...kernel, mode: kernel.fib, writer: "inside", clock, os: null }),
    });
    void speaker.start();
    return {
      name,
      speaker,
      host,
      log: lines,
      view: new WholeView(speaker, "test"),
      reload: (text) => {
        const next = parseConfig(text, `${name}.yaml`);
        speaker.reconfigure(next, diffConfig(speaker.config, next));
      },
    };
  }

  /** What a speaker wrote down for its next start. */
  journal({ name }: TestSpeaker): { readonly peers: Readonly<Record<string, readonly string[]>> } {
    return JSON.parse(this.#journals.get(name)!);
  }

  /** Ends a speaker as a signal would. */
  async stop({ speaker, host }: TestSpeaker): Promise<void> {
    const stopped = speaker.stop();
    for (let i = 0; i < 20; i++) await this.advance(0.1);
    await stopped;
    host.crash();
  }

  /** Lets promises settle, then virtual time pass. */
  async advance(seconds: number): Promise<void> {
    for (let i = 0; i < 5; i++) await Promise.resolve();
    this.clock.advance(seconds * 1000);
  }
}

export function question(text: string): PrefixQuestion {
  const { family, words, length } = parsePrefix(text);
  return { text, family, words, length, isAddress: !text.includes("/") };
}

/** Best paths of a speaker: "PREFIX FROM NEXTHOP" each. */
export function best({ view }: TestSpeaker): string[] {
  const rows: string[] = [];
  for (const slice of view.routes({}))
    for (const { prefix, paths } of slice)
      for (const path of paths) if (path.best) rows.push(`${prefix} ${path.from} ${path.nextHop}`);
  return rows;
}

/** A node that owns a block, and peers with the reflector at 10.0.0.250. */
export const node = (address: string, block: string, more = "") => `
router: {as: 65001, router-id: ${address}, address: ${address}}
kernel: {fib: none}
originate: [{prefix: ${block}}]
neighbors:
  - {address: 10.0.0.250, remote-as: internal, local-address: ${address}}
${more}`;
