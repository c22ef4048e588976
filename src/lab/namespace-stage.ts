import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import type { HostPlan, LabPlan } from "./plan.ts";
import type { LabStage } from "./stage.ts";

const BRIDGE = "rack0";
/** The gateway that every workload has, and that no one owns: the host answers for it (proxy ARP). */
const WORKLOAD_GATEWAY = "169.254.1.1";
/** MAC address of the host's end of every workload link, as Calico has it. */
const WORKLOAD_MAC = "ee:ee:ee:ee:ee:ee";

function run(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? error).trim();
    throw new Error(`Cannot build the lab: "${[command, ...args].join(" ")}" said: ${said}`);
  }
}

/** The reflector's end of a node's link. */
const portOf = (node: string): string => `to-${node}`;

/**
 * Hosts are network namespaces. A rack's reflector holds the bridge that its nodes are plugged into, and is their way out; each
 * two reflectors share a link. A workload is one more namespace behind its node, wired as a container would be.
 */
export class NamespaceStage implements LabStage {
  readonly #plan: LabPlan;
  /** Prefix of every namespace, so that a lab never touches another one's. */
  readonly #prefix: string;
  #trunks = 0;

  constructor(plan: LabPlan, prefix: string) {
    this.#plan = plan;
    this.#prefix = prefix;
  }

  namespaceOf(host: string): string {
    return `${this.#prefix}${host}`;
  }

  workloadNamespaceOf(host: string): string {
    return `${this.#prefix}${host}-w`;
  }

  /** Takes "down" and "up": the switch's end, so that the node loses its carrier and keeps its routes, as with a real cable. */
  cableOf({ name, rack }: HostPlan): string {
    return `ip -n ${this.namespaceOf(`${rack}-rr`)} link set ${portOf(name)}`;
  }

  build(): void {
    this.remove();
    for (const host of this.#plan.hosts) this.#addHost(host);
    for (const host of this.#plan.hosts) if (host.role === "node") this.#plugIn(host);
    for (const trunk of this.#plan.trunks) this.#addTrunk(trunk.left, trunk.right);
    for (const host of this.#plan.hosts) this.#addWorkload(host);
  }

  spawn(host: string, command: string, args: readonly string[]): ChildProcess {
    return spawn("ip", ["netns", "exec", this.namespaceOf(host), command, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  remove(): void {
    try {
      for (const { name } of JSON.parse(run("ip", "-j", "netns", "list") || "[]") as { name: string }[])
        if (name.startsWith(this.#prefix)) run("ip", "netns", "del", name);
    } catch {
      // What is half gone already is gone.
    }
  }

  #ip(host: string, ...args: string[]): void {
    run("ip", "-n", host, ...args);
  }

  #sysctl(namespace: string, ...settings: string[]): void {
    run("ip", "netns", "exec", namespace, "sysctl", "-qw", ...settings);
  }

  #addHost({ name, role, address }: HostPlan): void {
    const namespace = this.namespaceOf(name);
    run("ip", "netns", "add", namespace);
    this.#ip(namespace, "link", "set", "lo", "up");
    this.#sysctl(
      namespace,
      "net.ipv4.ip_forward=1",
      "net.ipv4.conf.all.rp_filter=0",
      "net.ipv4.conf.default.rp_filter=0",
    );
    if (role === "node") return;
    this.#ip(namespace, "link", "add", BRIDGE, "type", "bridge");
    this.#ip(namespace, "addr", "add", `${address}/24`, "dev", BRIDGE);
    this.#ip(namespace, "link", "set", BRIDGE, "up");
  }

  #plugIn({ name, rack, address }: HostPlan): void {
    const namespace = this.namespaceOf(name);
    const reflector = this.namespaceOf(`${rack}-rr`);
    const port = portOf(name);
    this.#ip(namespace, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", reflector);
    this.#ip(namespace, "addr", "add", `${address}/24`, "dev", "eth0");
    this.#ip(namespace, "link", "set", "eth0", "up");
    // A host has a gateway; without a route to somewhere it wouldn't answer for 169.254.1.1 either.
    this.#ip(namespace, "route", "add", "default", "via", `${address.replace(/\d+$/, "1")}`);
    this.#ip(reflector, "link", "set", port, "master", BRIDGE, "up");
  }

  #addTrunk(left: { host: string; address: string }, right: { host: string; address: string }): void {
    const device = `trunk${this.#trunks++}`;
    const [a, b] = [this.namespaceOf(left.host), this.namespaceOf(right.host)];
    this.#ip(a, "link", "add", device, "type", "veth", "peer", "name", device, "netns", b);
    for (const [namespace, { address }] of [
      [a, left],
      [b, right],
    ] as const) {
      this.#ip(namespace, "addr", "add", `${address}/30`, "dev", device);
      this.#ip(namespace, "link", "set", device, "up");
    }
  }

  /** A workload as the lectures wire it: a /32, everything via 169.254.1.1, and a host route to it. */
  #addWorkload({ name, workload }: HostPlan): void {
    if (workload === null) return;
    const host = this.namespaceOf(name);
    const inside = this.workloadNamespaceOf(name);
    const device = workload.interface;
    run("ip", "netns", "add", inside);
    this.#ip(
      host,
      "link",
      "add",
      device,
      "address",
      WORKLOAD_MAC,
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      inside,
    );
    this.#ip(inside, "link", "set", "lo", "up");
    this.#ip(inside, "addr", "add", `${workload.address}/32`, "dev", "eth0");
    this.#ip(inside, "link", "set", "eth0", "up");
    this.#ip(host, "link", "set", device, "up");
    this.#ip(inside, "route", "add", WORKLOAD_GATEWAY, "dev", "eth0", "scope", "link");
    this.#ip(inside, "route", "add", "default", "via", WORKLOAD_GATEWAY, "dev", "eth0");
    this.#ip(host, "route", "add", `${workload.address}/32`, "dev", device, "scope", "link");
    this.#sysctl(host, `net.ipv4.conf.${device}.proxy_arp=1`, `net.ipv4.neigh.${device}.proxy_delay=0`);
  }
}
