import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { run } from "../../testbed/command.ts";
import { Bird } from "../../testbed/daemons/bird.ts";
import { Peerage } from "../../testbed/daemons/peerage.ts";
import { Lab } from "../../testbed/lab.ts";
import { enterNamespace } from "../../testbed/namespace.ts";
import { childrenOf, commandOf, cpuMsOf, memoryOf } from "../../testbed/process.ts";
import { scrape } from "../scrape.ts";

export const oursAddress = "10.9.0.1";
export const referenceAddress = "10.9.0.2";
const clusterId = "10.9.0.254";
const as = 65001;

/** Client `i`; every tenth is a member of a range, the others are listed. */
export const clientAddress = (i: number): string => `10.9.${isMember(i) ? 2 : 1}.${i + 1}`;
const isMember = (i: number): boolean => i % 10 === 9;

/** What reloads play with. */
export interface Version {
  /** Part of every neighbor's description. */
  readonly description: string;
  /** An import policy that prefers a fifth of the prefixes. */
  readonly preferring: boolean;
  /** A listed neighbor that is left out. */
  readonly without: number | null;
}

export const plainVersion: Version = { description: "as delivered", preferring: false, without: null };

function configOf(clients: number, { description, preferring, without }: Version): string {
  const listed = Array.from({ length: clients }, (_, i) => i).filter((i) => !isMember(i) && i !== without);
  return `
router: {as: ${as}, router-id: ${oursAddress}, cluster-id: ${clusterId}, address: ${oursAddress}}
peer-groups:
  clients:
    remote-as: internal
    passive: true
    route-reflector-client: true
    graceful-restart: {restart-time: 30, stale-path-time: 60}
    import-policy: [local]
neighbors:
${listed.map((i) => `  - {address: ${clientAddress(i)}, peer-group: clients, description: "client ${i}, ${description}"}`).join("\n")}
dynamic-neighbors:
  - {range: 10.9.2.0/24, peer-group: clients}
prefix-lists:
  some: [{prefix: 20.0.0.0/12, ge: 24, le: 24}]
policies:
  local:
${preferring ? "    - {match: {prefix-list: some}, then: {set: {local-pref: 150}, accept: true}}\n" : ""}    - then: accept
telemetry: {metrics: {listen: "${oursAddress}:9179"}, log: {level: info}}
`;
}

/**
 * Without `deterministic med`: with it BIRD 2.0.12 now and then keeps the longer of two AS paths of different neighbors. A prefix has
 * two paths at most here, so that the order of events can make no difference.
 */
const referenceConfig = (clients: number): string => `
router id ${referenceAddress};
protocol direct { ipv4; }
template bgp each {
  local ${referenceAddress} as ${as}; passive; hold time 90; rr client; rr cluster id ${clusterId};
  graceful restart on; error wait time 1, 1; error forget time 1;
  ipv4 { import all; export where source = RTS_BGP; };
}
${Array.from({ length: clients }, (_, i) => `protocol bgp c${i} from each { neighbor ${clientAddress(i)} as ${as}; }`).join("\n")}
`;

/** What the engine holds after all garbage is gone, in octets. */
export interface Memory {
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  /** Resident memory before that and after it, garbage in and out; and that of the kernel writer, where nothing is collected. */
  readonly rssBefore: number;
  readonly rss: number;
  readonly writerRss: number;
}

/** Three namespaces on one LAN: the daemon as it is shipped, BIRD as the reference, and all clients, which are in this process. */
export class Room {
  readonly lab = new Lab("soak");
  readonly ours: Peerage;
  readonly reference: Bird;
  readonly #clients: number;
  readonly #probe: string;
  readonly #namespace: string;

  constructor(clients: number) {
    this.#clients = clients;
    const lan = this.lab.switch("lan");
    const peers = this.lab.host("peers").plug(lan, {
      addresses: Array.from({ length: clients }, (_, i) => `${clientAddress(i)}/16`),
    });
    this.#namespace = peers.namespace;
    const host = this.lab.host("ours").plug(lan, { addresses: [`${oursAddress}/16`] });
    this.#probe = join(host.directory, "probe");
    const preload = `--import ${join(import.meta.dirname, "probe.js")}`;
    this.ours = new Peerage(host, configOf(clients, plainVersion), {
      environment: { NODE_OPTIONS: preload, PEERAGE_SOAK_PROBE: this.#probe },
    });
    this.reference = new Bird(
      this.lab.host("bird").plug(lan, { addresses: [`${referenceAddress}/16`] }),
      referenceConfig(clients),
    );
  }

  /** Both daemons run; this thread is where the clients are from now on. */
  async start(): Promise<this> {
    await Promise.all([this.ours.start(), this.reference.start()]);
    enterNamespace(this.#namespace);
    return this;
  }

  close(): void {
    this.lab.close();
  }

  get pid(): number {
    return this.ours.daemon.pid;
  }

  /** Has our daemon read another version of its config. */
  async reload(version: Version): Promise<unknown> {
    this.ours.configure(configOf(this.#clients, version));
    return this.ours.reload();
  }

  /** Has it read one with a fault in it; true when it was refused. */
  async reloadBroken(): Promise<boolean> {
    this.ours.configure(`${configOf(this.#clients, plainVersion)}\nneighbours: []`);
    return this.ours.reload().then(
      () => false,
      () => true,
    );
  }

  /** Takes what there is in memory, after a full collection. */
  async memory(): Promise<Memory> {
    const writer = childrenOf(this.pid).find((pid) => /fib-writer/.test(commandOf(pid)));
    const resident = (pid: number) => memoryOf(pid).now * 1024;
    const rssBefore = resident(this.pid);
    const writerRss = writer === undefined ? 0 : resident(writer);
    const file = `${this.#probe}.${this.pid}`;
    rmSync(file, { force: true });
    process.kill(this.pid, "SIGUSR2");
    const deadline = Date.now() + 10_000;
    while (!existsSync(file)) {
      if (Date.now() > deadline) throw new Error("the daemon does not say what memory it holds");
      await delay(20);
    }
    // The engine gives memory back on threads of its own.
    await delay(2_000);
    return { ...JSON.parse(readFileSync(file, "utf8")), rssBefore, rss: resident(this.pid), writerRss };
  }

  /** CPU seconds of the daemon, and of BIRD. */
  cpuSeconds(): { ours: number; reference: number } {
    return { ours: cpuMsOf(this.pid) / 1000, reference: cpuMsOf(this.reference.daemon.pid) / 1000 };
  }

  /** Series of the metrics, by name and labels. */
  metrics(...series: string[]): Promise<number[]> {
    return scrape(`http://${oursAddress}:9179/metrics`, series);
  }

  /** Our kernel routes: gateway by prefix. */
  async kernelRoutes(): Promise<Map<string, string>> {
    const rows = await this.ours.host.kernelRoutes("bgp");
    return new Map(rows.map(({ prefix, via }) => [prefix, via.join(" ").split(" ")[0] ?? ""]));
  }

  /** Best routes of ours and of BIRD, each as one line of text by prefix. */
  async bestRoutes(): Promise<{
    ours: Map<string, string>;
    reference: Map<string, string>;
    nextHops: Map<string, string>;
  }> {
    const ours = new Map<string, string>();
    const nextHops = new Map<string, string>();
    for (const { prefix, paths } of await this.ours.routes("?family=ipv4-unicast")) {
      const best = paths.find((path) => path.best);
      if (best === undefined) continue;
      nextHops.set(prefix, best.nextHop!);
      ours.set(
        prefix,
        [
          best.from,
          best.nextHop,
          best.origin,
          best.asPath.join(" "),
          best.med ?? "-",
          best.localPref,
          sorted(best.communities),
          sorted(best.largeCommunities),
        ].join(" | "),
      );
    }
    const text = await run([
      "birdc",
      "-s",
      `${this.reference.host.directory}/bird.ctl`,
      ..."show route primary all where source = RTS_BGP".split(" "),
    ]);
    return { ours, reference: parseBird(text), nextHops };
  }
}

const sorted = (communities: readonly string[]): string => [...communities].sort().join(" ");

const origins: Record<string, string> = { IGP: "igp", EGP: "egp", Incomplete: "incomplete" };

/** `show route primary all` in the words of `bestRoutes`. */
function parseBird(text: string): Map<string, string> {
  const routes = new Map<string, string>();
  for (const block of text.split(/\n(?=\d)/)) {
    const head = /^(\d\S+\/\d+)\s.*\[c(\d+) /.exec(block);
    if (head === null) continue;
    const field = (name: string) => new RegExp(`^\\tBGP\\.${name}: ?(.*)$`, "m").exec(block)?.[1]?.trim() ?? "";
    const list = (name: string) =>
      sorted(field(name).replaceAll(/[()]/g, "").replaceAll(", ", ":").replaceAll(",", ":").split(" ").filter(Boolean));
    const from = clientAddress(Number(head[2]));
    const values = [field("origin"), field("as_path"), field("med") || "-", field("local_pref")];
    const words = [
      from,
      field("next_hop"),
      origins[values[0]!],
      ...values.slice(1),
      list("community"),
      list("large_community"),
    ];
    routes.set(head[1]!, words.join(" | "));
  }
  return routes;
}
