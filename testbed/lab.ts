import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, runNow } from "./command.ts";
import type { Daemon } from "./daemons/daemon.ts";
import { type WaitOptions, waitFor } from "./wait.ts";

/**
 * A small network inside this machine. Every host is a network namespace of its own, and so is every bridge ("switch"),
 * so that nothing is ever created in the machine's own namespace: deleting the namespaces deletes everything, links
 * and routes and all. Names carry the id of the test process. What a killed run left behind is found by that id and
 * removed by the next run.
 */
const interop = "pgi";

export class Lab {
  readonly directory: string;
  /** How the names of its namespaces start. */
  readonly prefix: string;
  readonly #hosts = new Map<string, Host>();
  readonly #switches = new Map<string, Switch>();
  readonly #daemons: Daemon[] = [];
  #closed = false;
  readonly #onExit = () => this.close();
  readonly #onSignal = () => {
    this.close();
    process.exit(130);
  };

  constructor(prefix = interop) {
    this.prefix = prefix;
    removeLeftovers(prefix);
    this.directory = mkdtempSync(join(tmpdir(), `peerage-${prefix}-${process.pid}-`));
    chmodSync(this.directory, 0o755); // daemons that give up root must reach their folders
    process.once("exit", this.#onExit);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, this.#onSignal);
  }

  /** A host with its loopback up; it forwards packets, as nodes and reflectors of a rack do. */
  host(name: string): Host {
    const host = new Host(this, name, addNamespace(this.prefix, name));
    this.#hosts.set(name, host);
    return host;
  }

  /** A bridge that hosts are plugged into. */
  switch(name: string): Switch {
    const namespace = addNamespace(this.prefix, `sw-${name}`);
    batch(namespace, ["link add br0 type bridge forward_delay 0 mcast_snooping 0", "link set br0 up"]);
    const result = new Switch(name, namespace);
    this.#switches.set(name, result);
    return result;
  }

  adopt(daemon: Daemon): void {
    this.#daemons.push(daemon);
  }

  /** As `waitFor`, and gives up at once when one of the daemons has ended by itself. */
  until<T>(what: string, probe: () => T | Promise<T>, options: WaitOptions = {}) {
    const abort = () => {
      if (this.#closed) throw new Error(`the lab was closed while waiting until ${what}`);
      for (const daemon of this.#daemons) daemon.check();
    };
    return waitFor(what, probe, { everyMs: 100, ...options, abort }); // most looks start a program
  }

  /** What all daemons printed, for a test that failed. */
  logs(): string {
    return this.#daemons
      .map((daemon) => {
        const state = daemon.ended === null ? "running" : `ended: ${daemon.ended}`;
        return `----- ${daemon.title} (${state}) -----\n${daemon.output.slice(-12_000)}`;
      })
      .join("\n");
  }

  /** Removes everything, whatever state it is in; may be called twice, and when the process is about to end. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    process.off("exit", this.#onExit);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(signal, this.#onSignal);
    for (const daemon of this.#daemons) daemon.killNow();
    for (const { namespace } of [...this.#hosts.values(), ...this.#switches.values()]) removeNamespace(namespace);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A bridge in a namespace of its own. */
export class Switch {
  readonly name: string;
  readonly namespace: string;
  #ports = 0;

  constructor(name: string, namespace: string) {
    this.name = name;
    this.namespace = namespace;
  }

  nextPort(): string {
    return `p${this.#ports++}`;
  }
}

export interface Plug {
  /** Addresses with their prefix length. */
  addresses: readonly string[];
  /** Name of the device in the host; eth0, eth1 ... by default. */
  device?: string;
}

/** A machine of the lab: a network namespace, and a folder for its daemons' files. */
export class Host {
  readonly lab: Lab;
  readonly name: string;
  readonly namespace: string;
  readonly directory: string;
  readonly #ports = new Map<string, { to: Switch; port: string }>();

  constructor(lab: Lab, name: string, namespace: string) {
    this.lab = lab;
    this.name = name;
    this.namespace = namespace;
    this.directory = join(lab.directory, name);
    mkdirSync(this.directory);
    // IPv6 addresses are usable at once (no duplicate address detection), and packets may take any way.
    const settings = ["ipv4.ip_forward=1", "ipv6.conf.all.forwarding=1", "ipv6.conf.default.accept_dad=0"];
    settings.push("ipv6.conf.default.accept_ra=0", "ipv4.conf.all.rp_filter=0", "ipv4.conf.default.rp_filter=0");
    must(["ip", "netns", "exec", namespace, "sysctl", "-qw", ...settings.map((setting) => `net.${setting}`)]);
    batch(namespace, ["link set lo up"]);
  }

  /** Plugs a cable between this host and a switch. */
  plug(to: Switch, { addresses, device = `eth${this.#ports.size}` }: Plug): this {
    const port = to.nextPort();
    must(["ip", "link", "add", device, "netns", this.namespace, "type", "veth", "peer", port, "netns", to.namespace]);
    batch(to.namespace, [`link set ${port} master br0`, `link set ${port} up`]);
    const add = addresses.map(
      (address) => `address add ${address} dev ${device}${address.includes(":") ? " nodad" : ""}`,
    );
    batch(this.namespace, [...add, `link set ${device} up`]);
    this.#ports.set(device, { to, port });
    return this;
  }

  /** Adds addresses to a device, for example of workloads to the loopback. */
  addAddresses(device: string, ...addresses: string[]): this {
    batch(
      this.namespace,
      addresses.map((address) => `address add ${address} dev ${device}${address.includes(":") ? " nodad" : ""}`),
    );
    return this;
  }

  /** Sets a device of this host up or down, as `ip link` does. */
  link(device: string, state: "up" | "down"): void {
    batch(this.namespace, [`link set ${device} ${state}`]);
  }

  /** Cuts the cable at the switch, or mends it: seen from everybody else behind the switch nothing happens. */
  cable(device: string, state: "up" | "down"): void {
    const { to, port } = this.#ports.get(device)!;
    batch(to.namespace, [`link set ${port} ${state}`]);
  }

  /** Runs a command in this host. */
  run(...command: string[]): Promise<string> {
    return run(["ip", "netns", "exec", this.namespace, ...command]);
  }

  /** Writes a file into this host's folder and returns its path. */
  file(name: string, content: string, mode = 0o644): string {
    const path = join(this.directory, name);
    writeFileSync(path, content, { mode });
    return path;
  }

  /** The kernel's routes of one owner (`proto`), both families, in a form that is easy to compare. */
  async kernelRoutes(protocol: string): Promise<KernelRoute[]> {
    const ask = async (family: "-4" | "-6") =>
      JSON.parse(await run(["ip", family, "-n", this.namespace, "-j", "-d", "route", "show", "proto", protocol]));
    const rows = [...(await ask("-4")), ...(await ask("-6"))] as IpRoute[];
    return rows.map(kernelRoute).sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
  }

  /** One route's text, as `ip route show` prints it; undefined when there is none. */
  async kernelRoute(prefix: string, protocol: string): Promise<KernelRoute | undefined> {
    return (await this.kernelRoutes(protocol)).find((route) => route.prefix === prefix);
  }
}

export interface KernelRoute {
  readonly prefix: string;
  readonly type: string;
  /** "GATEWAY dev DEVICE", one for each next hop. */
  readonly via: readonly string[];
  readonly metric: number | null;
}

interface IpRoute {
  dst: string;
  type?: string;
  gateway?: string;
  via?: { host: string };
  dev?: string;
  metric?: number;
  nexthops?: { gateway?: string; dev: string }[];
}

function kernelRoute(row: IpRoute): KernelRoute {
  const hops = row.nexthops ?? (row.gateway || row.via ? [row] : []);
  const length = row.dst.includes(":") ? 128 : 32;
  return {
    prefix: row.dst === "default" || row.dst.includes("/") ? row.dst : `${row.dst}/${length}`,
    type: row.type ?? "unicast",
    via: hops.map((hop) => `${hop.gateway ?? (hop as IpRoute).via?.host} dev ${hop.dev}`).sort(),
    metric: row.metric ?? null,
  };
}

function addNamespace(prefix: string, name: string): string {
  const namespace = `${prefix}-${process.pid}-${name}`;
  must(["ip", "netns", "add", namespace]);
  return namespace;
}

/** Ends what still runs inside, then removes it and with it all its links and routes. */
function removeNamespace(namespace: string): void {
  // A test may have moved into a host of its lab itself.
  for (const pid of runNow(["ip", "netns", "pids", namespace]).stdout.split("\n"))
    if (pid !== "" && Number(pid) !== process.pid)
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {} // it ended meanwhile
  runNow(["ip", "netns", "delete", namespace]);
}

/** A run that was killed could not clean up: its process is gone, so its namespaces and folders are nobody's. */
function removeLeftovers(prefix: string): void {
  const namespaces = new RegExp(`^${prefix}-(\\d+)-\\S+`);
  const folders = new RegExp(`^peerage-${prefix}-(\\d+)-`);
  for (const line of runNow(["ip", "netns", "list"]).stdout.split("\n")) {
    const match = namespaces.exec(line);
    if (match !== null && !isRunning(Number(match[1]))) removeNamespace(match[0]);
  }
  for (const name of readdirSync(tmpdir())) {
    const match = folders.exec(name);
    if (match !== null && !isRunning(Number(match[1]))) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function batch(namespace: string, lines: readonly string[]): void {
  must(["ip", "-n", namespace, "-batch", "-"], `${lines.join("\n")}\n`);
}

function must(command: readonly string[], input?: string): void {
  const { status, stderr, error } = runNow(command, input);
  if (status !== 0) throw new Error(`${command.join(" ")} failed: ${error?.message ?? stderr}${input ?? ""}`);
}
