import { run } from "../../../testbed/command.ts";
import { Peerage, type PeerageOptions } from "../../../testbed/daemons/peerage.ts";
import { Lab } from "../../../testbed/lab.ts";
import { enterNamespace } from "../../../testbed/namespace.ts";
import { cpuMsOf, forgetPeak, memoryOf } from "../../../testbed/process.ts";
import type { Introduction } from "../../../testbed/speaker/introduction.ts";
import { attribute, ipv4, nlri4, sequence, u32, update } from "../../../testbed/speaker/octets.ts";
import { Pulse } from "../../../testbed/speaker/pulse.ts";
import { ScriptedSpeaker, type SpeakerOptions } from "../../../testbed/speaker/scripted-speaker.ts";
import { goodSet } from "../ground.ts";
import { dutAs, Lane } from "../lane.ts";

/** What a fault came to. */
export interface Finding {
  readonly ok: boolean;
  /** In words, with figures. */
  readonly measured: string;
  /** CPU and memory under the attack beside those before it. */
  readonly cost?: string | null;
}

/** A scripted fault of docs/reliability.md. */
export interface Fault {
  /** Number in the table of targets. */
  readonly number: number;
  readonly fault: string;
  readonly target: string;
  run(): Promise<Finding[]>;
}

/** Our daemon in a namespace, and another for all its peers, which are scripted speakers of this process. */
export class Stage {
  readonly lane = new Lane(0);
  readonly pulse = new Pulse();
  readonly lab: Lab;
  readonly peerage: Peerage;
  readonly #settings: readonly string[];
  readonly #peers: string;
  readonly #redirected: boolean;
  #before: { percent: number; mb: number; cpuMs: number; at: number } | null = null;

  /** @param config of the daemon; `options.tight` keeps the kernel's socket buffers small on both sides. */
  constructor(config: (lane: Lane) => string, options: PeerageOptions & { tight?: boolean } = {}) {
    this.lab = new Lab("hostile");
    const peers = this.lab.host("peers");
    const lan = this.lab.switch("lan");
    peers.plug(lan, { addresses: this.lane.peerAddresses });
    const host = this.lab.host("ours").plug(lan, { addresses: [`${this.lane.dut}/16`, `${this.lane.dut6}/64`] });
    this.#settings = options.tight ? [peers.namespace, host.namespace] : [];
    this.peerage = new Peerage(host, config(this.lane), options);
    this.#peers = peers.namespace;
    this.#redirected = options.wrap !== undefined;
  }

  /** Waits until the control socket answers, however the daemon's output is redirected. */
  async start(): Promise<this> {
    for (const namespace of this.#settings)
      for (const key of ["tcp_rmem=4096 16384 32768", "tcp_wmem=4096 16384 32768"])
        await this.#sysctl(namespace, `net.ipv4.${key}`);
    if (this.#redirected) {
      // Nobody sees its "ready", but it answers no sooner.
      await this.lab.until("the daemon answers", () => this.peerage.summary());
    } else await this.peerage.start();
    enterNamespace(this.#peers);
    return this;
  }

  async #sysctl(namespace: string, setting: string): Promise<void> {
    await run(["ip", "netns", "exec", namespace, "sysctl", "-qw", setting]);
  }

  close(): void {
    this.lab.close();
  }

  peer(local: string, options: Partial<SpeakerOptions> = {}): ScriptedSpeaker {
    return new ScriptedSpeaker({ from: local, to: this.lane.dut, pulse: this.pulse, ...options });
  }

  /** An internal peer that is up and stays so. @throws if it doesn't come up. */
  async session(
    local: string,
    who: Partial<Introduction> = {},
    options: Partial<SpeakerOptions> = {},
  ): Promise<ScriptedSpeaker> {
    const peer = this.peer(local, options);
    if (!(await peer.establish({ as: dutAs, routerId: local, ...who }, 20_000)))
      throw new Error(`no session from ${local}: ${JSON.stringify(peer.notification)} ${peer.ended}`);
    return peer;
  }

  /** Milliseconds until it holds. @throws when it doesn't within the time. */
  async until(what: string, holds: () => boolean, withinMs = 20_000): Promise<number> {
    const started = performance.now();
    if (!(await this.pulse.until(holds, withinMs))) throw new Error(`${what}: not within ${withinMs} ms`);
    return performance.now() - started;
  }

  wait(ms: number): Promise<unknown> {
    return this.pulse.rest(ms);
  }

  get pid(): number {
    return this.peerage.daemon.pid;
  }

  /** Resident memory of the daemon. */
  memoryMb(): number {
    return memoryOf(this.pid).now / 1024;
  }

  /** CPU time that the daemon has used. */
  cpuMs(): number {
    return cpuMsOf(this.pid);
  }

  /** Everybody is there and nothing happens: two seconds for the figures that those of the attack stand beside. */
  async idle(): Promise<void> {
    const [cpuMs, at] = [this.cpuMs(), performance.now()];
    await this.wait(2_000);
    const now = { cpuMs: this.cpuMs(), at: performance.now() };
    this.#before = { percent: (100 * (now.cpuMs - cpuMs)) / (now.at - at), mb: this.memoryMb(), ...now };
    forgetPeak(this.pid);
  }

  /** What has happened since `idle`, in words; null without it. */
  cost(): string | null {
    if (this.#before === null) return null;
    const { percent, mb, cpuMs, at } = this.#before;
    const busy = (100 * (this.cpuMs() - cpuMs)) / (performance.now() - at);
    return `CPU ${rounded(percent, 1)} -> ${rounded(busy, 1)} %, memory ${rounded(mb)} -> at most ${rounded(memoryOf(this.pid).peak / 1024)} MB`;
  }
}

export const inside = "address-families: {ipv4-unicast: {}, ipv6-unicast: {}}";

/** A config whose neighbors are internal reflector clients. `clients` are addresses; `more` are lines of the top level. */
export const clientsConfig = (
  lane: Lane,
  clients: readonly string[],
  { timers = "{hold-time: 90}", group = "", more = "" } = {},
): string => `
router: {as: ${dutAs}, router-id: ${lane.dut}, address: ${lane.dut}, address6: "${lane.dut6}"}
peer-groups:
  clients: {remote-as: internal, passive: true, route-reflector-client: true, ${inside}, timers: ${timers}${group}}
neighbors:
${clients.map((address) => `  - {address: ${address}, peer-group: clients}`).join("\n")}
kernel: {fib: none}
${more}`;

/** The prefix of route `i` of a table. */
export const routeOf = (i: number): string => `${40 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`;

const ownNextHop = (lane: Lane) => ipv4(`${lane.net}.0.9`);

/** UPDATEs of `count` internal routes from number `first` on, `each` of them with the same attributes; told apart by MED. */
export function tableOf(lane: Lane, first: number, count: number, each: number, generation = 0): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = first; at < first + count; at += each) {
    const nlri = Array.from({ length: Math.min(each, first + count - at) }, (_, i) => nlri4(routeOf(at + i))).join("");
    const [origin, path, nextHop, localPref] = goodSet("internal", dutAs, ownNextHop(lane), "00", true);
    const set = [origin!, path!, nextHop!, attribute(0x80, 4, u32(at + generation * 1_000_000)), localPref!];
    parts.push(update({ attributes: set, nlri }));
  }
  return Buffer.concat(parts);
}

/** One internal route. */
export const routeUpdate = (lane: Lane, prefix: string): Uint8Array =>
  update({ attributes: goodSet("internal", dutAs, ownNextHop(lane), "00", true), nlri: nlri4(prefix) });

/** One external route. */
export const externalUpdate = (lane: Lane, as: number, prefix: string): Uint8Array =>
  update({
    attributes: [attribute(0x40, 1, "00"), attribute(0x40, 2, sequence([as])), attribute(0x40, 3, ownNextHop(lane))],
    nlri: nlri4(prefix),
  });

export const withdrawal = (prefix: string): Uint8Array => update({ withdrawn: nlri4(prefix) });

export const rounded = (value: number, digits = 0): string => value.toFixed(digits);

/** Runs a scenario on a stage and takes the stage down, whatever happens; a failure is a finding, too. */
export async function on(stage: Stage, body: (stage: Stage) => Promise<Finding[]>): Promise<Finding[]> {
  try {
    const [first, ...others] = await body(await stage.start());
    return first === undefined ? [] : [{ ...first, cost: stage.cost() }, ...others];
  } catch (error) {
    const words = stage.peerage.daemon.output.slice(-1_500);
    return [
      { ok: false, measured: `${(error as Error).message}${process.env.PEERAGE_HOSTILE_LOG ? `\n${words}` : ""}` },
    ];
  } finally {
    stage.close();
  }
}
