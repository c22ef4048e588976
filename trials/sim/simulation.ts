import { parseConfig } from "../../src/config/load.ts";
import { openFib } from "../../src/fib/open.ts";
import type { KernelEvents, KernelReader } from "../../src/kernel/reader.ts";
import { parsePrefix } from "../../src/lib/address.ts";
import { silentLog } from "../../src/lib/log.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { type OriginatedRoute, originatedRouteOf } from "../../src/speaker/originated-routes.ts";
import { Speaker } from "../../src/speaker/speaker.ts";
import { type SimulatedHost, SimulatedNetwork } from "../../testbed/simulated-network.ts";
import { WholeView } from "../../testbed/whole-view.ts";
import type { Origination, SimEvent } from "./event.ts";
import type { SimNode, SimTopology } from "./topology.ts";

/** A node of a simulation while it runs. */
export interface RunningNode {
  readonly node: SimNode;
  readonly speaker: Speaker;
  readonly view: WholeView;
}

/** How long everything is left alone before the invariants are looked at: longer than any timer of any node. */
const QUIET_SECONDS = 700;
const HOLD_TIME = 9;

/** Real speakers on a simulated network, and what was done to them. No copy of any rule lives here. */
export class Simulation {
  readonly topology: SimTopology;
  readonly network: SimulatedNetwork;
  readonly running = new Map<string, RunningNode>();
  /** What each node originates, running or not. */
  readonly originated = new Map<string, Map<string, Origination>>();
  readonly #hosts = new Map<string, SimulatedHost>();
  readonly #journals = new Map<string, string>();
  readonly #cuts = new Set<string>();
  #starts = 0;
  readonly #seed: number;

  constructor(topology: SimTopology, seed: number) {
    this.topology = topology;
    this.#seed = seed;
    this.network = new SimulatedNetwork({ random: seededRandom(seed), split: true, delayMs: 1 + (seed % 20) });
    for (const node of topology.nodes) {
      this.originated.set(node.name, new Map());
      this.#hosts.set(node.name, this.network.host(node.address));
    }
    // News arrives by different ways at different times: that is what makes it hard.
    const random = seededRandom(seed + 1);
    for (const { name, neighbors } of topology.nodes)
      for (const { node: other } of neighbors)
        this.network.delay(this.#hosts.get(name)!, this.#hosts.get(other)!, 1 + Math.floor(random.next() ** 3 * 400));
  }

  /** @param watch called between any two events. */
  async run(events: readonly SimEvent[], watch: () => void): Promise<void> {
    for (const node of this.topology.nodes) this.#start(node.name);
    await this.#pass(100);
    for (const event of events) {
      await this.#pass(event.afterMs);
      await this.#apply(event);
      await this.#pass(5);
      watch();
    }
    await this.#calm();
  }

  /** Puts everything back in order and lets it settle. */
  async #calm(): Promise<void> {
    for (const key of [...this.#cuts]) {
      const [a, b] = key.split(" ");
      this.network.heal(this.#hosts.get(a!)!, this.#hosts.get(b!)!);
    }
    this.#cuts.clear();
    for (const { name } of this.topology.nodes) if (!this.running.has(name)) this.#start(name);
    for (let i = 0; i < 7; i++) await this.#pass((QUIET_SECONDS / 7) * 1000);
  }

  async #pass(ms: number): Promise<void> {
    for (let i = 0; i < 6; i++) await Promise.resolve();
    this.network.clock.advance(ms);
    for (let i = 0; i < 6; i++) await Promise.resolve();
  }

  async #apply(event: SimEvent): Promise<void> {
    switch (event.kind) {
      case "originate":
        this.originated.get(event.node)!.set(event.route.prefix, event.route);
        return this.#reoriginate(event.node);
      case "withdraw":
        this.originated.get(event.node)!.delete(event.prefix);
        return this.#reoriginate(event.node);
      case "cut":
        this.#cuts.add(`${event.a} ${event.b}`);
        return this.network.cut(this.#hosts.get(event.a)!, this.#hosts.get(event.b)!);
      case "heal":
        this.#cuts.delete(`${event.a} ${event.b}`);
        this.#cuts.delete(`${event.b} ${event.a}`);
        return this.network.heal(this.#hosts.get(event.a)!, this.#hosts.get(event.b)!);
      case "reset":
        return this.network.reset(this.#hosts.get(event.a)!, this.#hosts.get(event.b)!);
      case "kill":
        return this.#gone(event.node);
      case "stop":
        return this.#stop(event.node);
      case "start":
        if (!this.running.has(event.node)) this.#start(event.node);
        return;
      case "reset-session":
      case "refresh": {
        const { speaker } = this.running.get(event.node) ?? {};
        const peer = speaker?.peers.get(this.#addressOf(event.peer));
        if (peer) speaker!.reset(peer, event.kind === "refresh" ? "in" : null);
        return;
      }
    }
  }

  /** As after kill -9: nothing is said, and the host answers no more. */
  #gone(name: string): void {
    const running = this.running.get(name);
    if (running === undefined) return;
    this.running.delete(name);
    this.#hosts.get(name)!.crash();
    running.speaker.abandon();
  }

  async #stop(name: string): Promise<void> {
    const running = this.running.get(name);
    if (running === undefined) return;
    const stopped = running.speaker.stop();
    for (let i = 0; i < 15; i++) await this.#pass(100);
    await stopped;
    this.#gone(name);
  }

  #start(name: string): void {
    const node = this.topology.nodes.find((candidate) => candidate.name === name)!;
    const { clock } = this.network;
    const speaker = new Speaker(parseConfig(this.#configOf(node), `${name}.yaml`), {
      clock,
      random: seededRandom(this.#seed * 1000 + this.#starts++),
      network: this.#hosts.get(name)!,
      log: silentLog,
      journal: { read: () => this.#journals.get(name) ?? null, write: (text) => void this.#journals.set(name, text) },
      openFib: (kernel) => ({
        fib: openFib({ ...kernel, mode: "memory", writer: "inside", clock, os: null }).fib,
        reader: flatNetwork(node.address),
      }),
    });
    void speaker.start();
    this.running.set(name, { node, speaker, view: new WholeView(speaker, "sim") });
    this.#reoriginate(name);
  }

  #reoriginate(name: string): void {
    const running = this.running.get(name);
    if (running === undefined) return;
    running.speaker.originate("workload", [...this.originated.get(name)!.values()].map(ownRouteFrom));
  }

  #addressOf(name: string): string {
    return this.topology.nodes.find((node) => node.name === name)!.address;
  }

  #configOf(node: SimNode): string {
    const neighbors = node.neighbors.map((neighbor) => {
      const other = this.topology.nodes.find((candidate) => candidate.name === neighbor.node)!;
      return {
        address: other.address,
        "local-address": node.address,
        "remote-as": other.as,
        passive: neighbor.passive,
        "graceful-restart": node.gracefulRestart && { "restart-time": 40, "long-lived": 60 },
        timers: { "hold-time": HOLD_TIME, "connect-retry": 2 },
        ...(neighbor.kind === "external" && { "import-policy": ["all"], "export-policy": ["all"] }),
        ...(neighbor.client && { "route-reflector-client": true }),
        ...(neighbor.nextHopSelf && { "next-hop-self": true }),
      };
    });
    // JSON is YAML, too.
    return JSON.stringify({
      router: { as: node.as, address: node.address, "router-id": node.address },
      kernel: { fib: "memory" },
      // biome-ignore lint/suspicious/noThenProperty: the key that policies have
      policies: { all: [{ then: "accept" }] },
      neighbors,
    });
  }
}

const ownRouteFrom = ({ prefix, med, community }: Origination): OriginatedRoute =>
  originatedRouteOf({
    prefix,
    family: 0,
    blackhole: false,
    communities:
      community === null ? [] : [community.split(":").reduce((word, half) => word * 65536 + Number(half), 0)],
    largeCommunities: [],
    med,
    localPref: null,
    place: { file: "sim", line: 1, column: 1 },
  });

/** A kernel with one link on which all nodes live. */
function flatNetwork(address: string): KernelReader {
  const link = {
    ifindex: 2,
    name: "eth0",
    up: true,
    running: true,
    mtu: 1500,
    loopback: false,
    pointToPoint: false,
    kind: "veth",
    hardwareAddress: "",
    alias: "",
  };
  const base = { family: 0 as const, table: 254, protocol: 2, metric: 0, order: 0, scope: 253 };
  const hop = { via: null, ifindex: 2, onlink: false, weight: 1, dead: false };
  return {
    links: new Map([[2, link]]),
    neighbours: (_ifindex, done) => done([]),
    linkByName: (name) => (name === "eth0" ? link : undefined),
    subscribe(events: KernelEvents) {
      events.link?.(link);
      events.route?.({ ...base, ...parsePrefix("10.0.0.0/8"), key: "subnet", type: "unicast", hops: [hop] });
      events.route?.({ ...base, ...parsePrefix(`${address}/32`), key: "own", type: "local", hops: [hop] });
      events.synced?.();
      return () => {};
    },
  };
}
