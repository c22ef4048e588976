import type { FibPort } from "../../src/fib/fib-port.ts";
import { openFib } from "../../src/fib/open.ts";
import type { FibOs, MarkClaim, NetlinkEventSocket, NetlinkSocket } from "../../src/kernel/os-port.ts";
import type { KernelReader } from "../../src/kernel/reader.ts";
import * as nl from "../../src/kernel/rtnetlink/constants.ts";
import { eachMessage, readU32 } from "../../src/kernel/rtnetlink/message.ts";
import { RouteView } from "../../src/kernel/rtnetlink/route.ts";
import { formatPrefix, parseAddress, parsePrefix } from "../../src/lib/address.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { openFibOs } from "../../src/os/fib-os.ts";
import { runNow } from "../../testbed/command.ts";
import type { Host } from "../../testbed/lab.ts";
import { inNamespace } from "../../testbed/namespace.ts";
import { VirtualClock } from "../../testbed/virtual-clock.ts";
import { waitFor } from "../../testbed/wait.ts";
import { Lines } from "./lines.ts";
import { type Picture, placeLine, takePicture } from "./model.ts";
import { Watcher } from "./watcher.ts";

const MARK = { table: 254, protocol: 186, metric: 32 };
/** Longer than any timer of the FIB waits. */
const LONG_MS = 70_000;
const SETTLES_WITHIN_SECONDS = 4;

const ownPrefixes = ["20.0.0.0/24", "20.0.0.0/16", "20.7.0.0/16", "fd20::/64", "fd20::/32", "fd27::/32"];
const asked = ["10.0.0.2", "10.0.0.9", "10.1.0.2", "10.5.0.2", "10.9.9.9", "20.0.0.5", "20.0.9.9", "20.9.9.9"];
const asked6 = ["fd00::2", "fd01::2", "fd07::2", "fd20::5", "fd20:0:0:1::1", "2001:db8::1"];

export interface Fault {
  readonly what: string;
  /** Everything that was done until then. */
  readonly lines: readonly string[];
}

export interface WalkOptions {
  readonly seed: number;
  /** Looks at everything so often. */
  readonly rounds: number;
  /** Lines between two looks. */
  readonly lines: number;
}

/** Sets the links up that the lines of `Lines` talk of. */
export async function furnish(host: Host): Promise<void> {
  const lines = ["eth0 p0", "eth1 p1", "eth2 p2", "eth3 p3"].map((pair) => {
    const [name, peer] = pair.split(" ");
    return `link add ${name} type veth peer name ${peer}`;
  });
  for (const name of ["p0", "p1", "p2", "p3", "eth0", "eth1", "eth2", "eth3"]) lines.push(`link set ${name} up`);
  lines.push("address add 10.0.0.1/24 dev eth0", "address add fd00::1/64 dev eth0 nodad");
  await host.run("ip", "-batch", host.file("furniture", `${lines.join("\n")}\n`));
}

/**
 * One random walk: a FIB with its mirror, writing routes of its own, in a namespace where lines of `ip` change everything.
 * The clock is virtual; the kernel is the real one. Now and then everything that a listener was told is laid beside what
 * `ip` shows, resolution of next hops beside that of a FIB that was opened this moment, and our routes beside what is wanted.
 */
export class Walk {
  readonly #host: Host;
  readonly #lines: Lines;
  readonly #options: WalkOptions;
  readonly #clock = new VirtualClock();
  readonly #done: string[] = [];
  readonly #fib: FibPort;
  readonly #reader: KernelReader;
  readonly #watcher: Watcher;
  readonly #ears: Ears;
  readonly #wanted = new Map<string, string>();
  readonly #random;

  constructor(host: Host, options: WalkOptions) {
    this.#host = host;
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#lines = new Lines(this.#random);
    this.#ears = new Ears(host, () => this.#lines.chance(0.05));
    const { fib, reader } = this.#open(this.#ears);
    this.#fib = fib;
    this.#reader = reader;
    this.#watcher = new Watcher(reader);
    this.#clock.advance(LONG_MS);
    for (const family of [0, 1] as const) fib.sweep(family);
  }

  #open(os: FibOs) {
    return openFib({ ...MARK, mode: "kernel", nexthopObjects: false, writer: "inside", clock: this.#clock, os });
  }

  /** The first fault, or null. */
  async go(): Promise<Fault | null> {
    for (let round = 0; round < this.#options.rounds; round++) {
      for (let i = 0; i < this.#options.lines; ) i += this.#act();
      this.#done.push("# all is looked at");
      const fault = await this.#look();
      if (fault !== null) return { what: fault, lines: this.#done };
    }
    return null;
  }

  async close(): Promise<void> {
    const closed = this.#fib.close(false);
    this.#clock.advance(LONG_MS);
    await closed;
    this.#ears.closeAll();
  }

  #act(): number {
    if (this.#lines.chance(0.15)) {
      this.#want();
      return 1;
    }
    const lines = Array.from({ length: 1 + this.#lines.below(4) }, () => this.#lines.next()).flat();
    this.#done.push(...lines);
    runNow(["ip", "-n", this.#host.namespace, "-force", "-batch", "-"], `${lines.join("\n")}\n`);
    if (this.#lines.chance(0.6)) this.#ears.hear(this.#lines.pick([1, 3, 1000]));
    this.#clock.advance(this.#lines.pick([0, 0, 1, 7, 60, 400]));
    return lines.length;
  }

  /** The speaker wants a route, or no longer. */
  #want(): void {
    const prefix = this.#lines.pick(ownPrefixes);
    const ifindex = this.#reader.linkByName(this.#lines.pick(["eth0", "eth1"]))?.ifindex;
    const gateway = (last: number) => (prefix.includes(":") ? `fd00::${last}` : `10.0.0.${last}`);
    if (ifindex === undefined || this.#lines.chance(0.3)) {
      this.#done.push(`# ours: ${prefix} is no longer wanted`);
      this.#wanted.delete(prefix);
      this.#fib.remove(parsePrefix(prefix));
      return;
    }
    const gateways = [gateway(2), gateway(9)].slice(0, 1 + this.#lines.below(2));
    this.#done.push(`# ours: ${prefix} via ${gateways.join(", ")} dev ${ifindex}`);
    this.#wanted.set(prefix, gateways.join(", "));
    const nextHops = gateways.map((via) => ({ via: parseAddress(via), ifindex, onlink: true, weight: 1 }));
    this.#fib.set({ ...parsePrefix(prefix), type: "unicast", nextHops });
  }

  /** What is wrong, once the kernel has come to rest: it does some things by itself a moment later (carriers, link-local addresses). */
  async #look(): Promise<string | null> {
    let wrong: string | null = null;
    const right = async (): Promise<boolean> => {
      this.#rest();
      wrong = await this.#compare();
      return wrong === null;
    };
    await waitFor("what is known is what ip shows", right, { withinSeconds: SETTLES_WITHIN_SECONDS }).catch(() => {});
    return wrong;
  }

  #rest(): void {
    for (let i = 0; i < 3; i++) {
      this.#ears.hear();
      this.#clock.advance(LONG_MS);
    }
  }

  async #compare(): Promise<string | null> {
    const kernel = await takePicture(this.#host.namespace);
    const known = this.#watcher.picture();
    const wrong = [
      ...differences("links", known.links, kernel.links),
      ...differences("addresses", known.addresses, kernel.addresses),
      ...differences("routes", flat(known, false), flat(kernel, true)),
      ...this.#watcher.nonsense,
      ...this.#ours(kernel),
      ...this.#ears.trespasses,
      ...this.#resolutions(),
    ];
    return wrong.length === 0 ? null : wrong.join("\n");
  }

  /** Our routes: where nobody else is and the kernel takes them, and nowhere else. */
  #ours(kernel: Picture): string[] {
    const wrong: string[] = [];
    for (const [place, routes] of kernel.routes) {
      const [prefix, table, metric] = place.split(" ");
      if (Number(table) !== MARK.table || Number(metric) !== MARK.metric) continue;
      const ours = routes.filter(({ protocol }) => protocol === MARK.protocol);
      if (ours.length > 1) wrong.push(`ours: ${prefix} stands there ${ours.length} times`);
      if (ours.length > 0 && !this.#wanted.has(prefix!))
        wrong.push(`ours: ${prefix} stands there, and nobody wants it`);
    }
    for (const [prefix, via] of this.#wanted) {
      const routes = kernel.routes.get(placeLine(prefix, MARK.table, MARK.metric)) ?? [];
      const row = this.#fib.row(parsePrefix(prefix));
      const [ours, others] = [true, false].map((mine) =>
        routes.filter(({ protocol }) => (protocol === MARK.protocol) === mine),
      );
      const state = row?.state ?? "none";
      const text = `ours: ${prefix} via ${via} is ${state} ${row?.owner ?? row?.error ?? ""}`;
      if (others!.length > 0 && (state !== "overridden" || ours!.length > 0))
        wrong.push(`${text} and there stand ${routes.map((each) => `${each.protocol} ${each.text}`).join(" | ")}`);
      else if (others!.length === 0 && state !== "installed" && state !== "failed" && !row?.owner) wrong.push(text);
      else if (state === "installed" && ours!.length !== 1) wrong.push(`${text} and isn't there`);
      else if (state === "installed" && via.split(", ").some((gateway) => !ours![0]!.text.includes(`${gateway} `)))
        wrong.push(`${text} and goes ${ours![0]!.text}`);
    }
    return wrong;
  }

  /** Next hops as a FIB would resolve them that was opened this moment. */
  #resolutions(): string[] {
    const ears = new Ears(this.#host, () => false);
    const { fib, reader } = this.#open(ears);
    const fresh = new Watcher(reader);
    this.#clock.advance(0);
    const addresses = [...asked, ...asked6].map(parseAddress);
    const all = (watcher: Watcher) => addresses.map((words) => watcher.resolves(words));
    const wrong = differences("next hops", all(this.#watcher), all(fresh));
    void fib.close(true);
    this.#clock.advance(1);
    ears.closeAll();
    return wrong;
  }
}

const flat = ({ routes }: Picture, withOurs: boolean): string[] =>
  [...routes]
    .map(([place, list]) => {
      const [, table, metric] = place.split(" ");
      const ourPlace = Number(table) === MARK.table && Number(metric) === MARK.metric;
      const others = list.filter(({ protocol }) => !(withOurs && ourPlace && protocol === MARK.protocol));
      return others.length === 0
        ? ""
        : `${place}: ${others.map(({ protocol, text }) => `${protocol} ${text}`).join(" | ")}`;
    })
    .filter((line) => line !== "")
    .sort();

function differences(what: string, known: readonly string[], right: readonly string[]): string[] {
  const [have, want] = [new Set(known), new Set(right)];
  return [
    ...known.filter((line) => !want.has(line)).map((line) => `${what}: known, and not so: ${line}`),
    ...right.filter((line) => !have.has(line)).map((line) => `${what}: not known: ${line}`),
  ];
}

/** The machine, inside a namespace. Events are heard when asked for, answers may be late, and our own changes are looked at. */
class Ears implements FibOs {
  readonly processId = process.pid;
  /** Routes of others that our writer deleted. */
  readonly trespasses: string[] = [];
  readonly #machine = openFibOs();
  readonly #host: Host;
  readonly #late: () => boolean;
  readonly #ports = new Set<number>();
  readonly #open: NetlinkSocket[] = [];
  readonly #witness: NetlinkEventSocket;
  #listener: () => void = () => {};

  constructor(host: Host, late: () => boolean) {
    this.#host = host;
    this.#late = late;
    this.#witness = this.#inside(() => this.#machine.openNetlinkEvents());
  }

  #inside<T>(body: () => T): T {
    return inNamespace(this.#host.namespace, body);
  }

  openNetlink(): NetlinkSocket {
    const socket = this.#inside(() => this.#machine.openNetlink());
    this.#ports.add(socket.portId);
    this.#open.push(socket);
    const late = this.#ports.size === 1 ? this.#late : () => false; // the writer's answers are there when send() returns
    return {
      portId: socket.portId,
      buffer: socket.buffer,
      send: (buffer, length) => socket.send(buffer, length),
      receive: () => (late() ? 0 : socket.receive()),
      close: () => socket.close(),
    };
  }

  openNetlinkEvents(): NetlinkEventSocket {
    const socket = this.#inside(() => this.#machine.openNetlinkEvents());
    this.#open.push(socket);
    return {
      portId: socket.portId,
      buffer: socket.buffer,
      send: (buffer, length) => socket.send(buffer, length),
      receive: () => socket.receive(),
      close: () => socket.close(),
      ignoreWriter: (portId) => socket.ignoreWriter(portId),
      hearNeighbours: () => socket.hearNeighbours(),
      onReadable: (listener) => {
        this.#listener = listener;
      },
    };
  }

  hear(times = 10): void {
    for (let i = 0; i < times; i++) this.#listener();
    const { buffer } = this.#witness;
    const view = new RouteView();
    for (let length = this.#witness.receive(); length > 0; length = this.#witness.receive())
      eachMessage(buffer, length, (type, _flags, start, end) => {
        if (type !== nl.RTM_DELROUTE || !this.#ports.has(readU32(buffer, start + 12))) return;
        view.parse(buffer, start, end);
        if (view.protocol !== MARK.protocol || view.metric !== MARK.metric || view.table !== MARK.table)
          this.trespasses.push(
            `we deleted another owner's ${formatPrefix({ words: view.words, length: view.prefixLength })}`,
          );
      });
  }

  closeAll(): void {
    this.#witness.close();
    for (const socket of this.#open) socket.close();
  }

  /** A second FIB that only looks has the same mark. */
  claimMark(): MarkClaim {
    return { release: () => {} };
  }

  startWriterProcess(): never {
    throw new Error("the writer is inside");
  }

  connectWriter(): never {
    throw new Error("the writer is inside");
  }

  errorText(errno: number): string {
    return this.#machine.errorText(errno);
  }

  cpuMicros(): { user: number; system: number } {
    return { user: 0, system: 0 };
  }
}
