import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import type { Host } from "../lab.ts";
import { NotYet } from "../wait.ts";
import { Daemon } from "./daemon.ts";

/** FRR (zebra and bgpd) on a host. `config` is bgpd's. Commands: https://docs.frrouting.org/en/stable-8.4/bgp.html */
export class Frr {
  readonly host: Host;
  readonly zebra: Daemon;
  /** Only where asked for: BFD for bgpd's neighbors. */
  readonly bfdd: Daemon | null;
  readonly #command: readonly string[];
  #bgpd: Daemon | null = null;

  /** @param bfd configuration of bfdd */
  constructor(host: Host, config: string, bfd: string | null = null) {
    this.host = host;
    const dir = host.directory;
    host.file("zebra.conf", "");
    host.file("bgpd.conf", `log stdout informational\n${config}`);
    if (bfd !== null) host.file("bfdd.conf", bfd);
    host.file("vtysh.conf", "");
    spawnSync("chown", ["-R", "frr:frr", dir]); // both give up root and write their sockets here
    const command = (name: string) => [
      ...[`/usr/lib/frr/${name}`, "-u", "frr", "-g", "frr", "--vty_socket", dir, "-P", "0", "-z", `${dir}/zserv`],
      ...["-f", `${dir}/${name}.conf`, "-i", `${dir}/${name}.pid`],
    ];
    this.zebra = new Daemon(host, "zebra", command("zebra"));
    this.bfdd = bfd !== null ? new Daemon(host, "bfdd", [...command("bfdd"), "--bfdctl", `${dir}/bfdd.sock`]) : null;
    this.#command = command("bgpd");
  }

  /**
   * Starts bgpd when zebra serves, as FRR's own scripts do: without zebra it knows no interface, and announces IPv6
   * routes over an IPv4 session with a next hop that nobody takes.
   */
  async start(): Promise<this> {
    const { lab, name, directory } = this.host;
    await lab.until(`zebra on ${name} serves`, () => existsSync(`${directory}/zserv`));
    this.#bgpd = new Daemon(this.host, "bgpd (FRR)", this.#command);
    await lab.until(`FRR on ${name} answers`, () => this.vtysh("show bgp summary json"));
    return this;
  }

  /** Starts bgpd again after it was stopped, with another configuration if one is given; zebra has run on. */
  async restart(config?: string): Promise<this> {
    const file = `${this.host.directory}/bgpd.conf`;
    if (config !== undefined) writeFileSync(file, `log stdout informational\n${config}`);
    return this.start();
  }

  get bgpd(): Daemon {
    if (this.#bgpd === null) throw new Error(`FRR on ${this.host.name} was not started`);
    return this.#bgpd;
  }

  async vtysh(...commands: string[]): Promise<string> {
    const words = commands.flatMap((command) => ["-c", command]);
    return this.host.run("vtysh", "--vty_socket", this.host.directory, "--config_dir", this.host.directory, ...words);
  }

  /** Lines of configuration, entered as an operator would. */
  configure(...lines: string[]): Promise<string> {
    return this.vtysh("configure terminal", ...lines);
  }

  async json(command: string): Promise<any> {
    const text = await this.vtysh(`${command} json`);
    try {
      return JSON.parse(text);
    } catch {
      throw new NotYet(`${command}: ${text.trim()}`);
    }
  }

  async neighbor(address: string): Promise<any> {
    return (await this.json(`show bgp neighbors ${address}`))[address];
  }

  async established(address: string): Promise<boolean> {
    const neighbor = await this.neighbor(address);
    if (neighbor?.bgpState === "Established") return true;
    throw new NotYet(`${address} is ${neighbor?.bgpState}, last reset: ${neighbor?.lastResetDueTo ?? "never"}`);
  }

  /** All paths of a prefix, undefined without any. */
  async paths(prefix: string): Promise<FrrPath[] | undefined> {
    const family = prefix.includes(":") ? "ipv6" : "ipv4";
    const answer = await this.json(`show bgp ${family} unicast ${prefix}`);
    return answer.paths?.map(frrPath);
  }

  /** The best path of a prefix, undefined without one. */
  async best(prefix: string): Promise<FrrPath | undefined> {
    return (await this.paths(prefix))?.find((path) => path.best);
  }

  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    await this.bgpd.signal(signal);
    await this.bfdd?.signal(signal);
    await this.zebra.signal(signal);
  }
}

export interface FrrPath {
  readonly best: boolean;
  readonly valid: boolean;
  readonly from: string;
  readonly asPath: string;
  readonly origin: string;
  readonly nextHops: readonly string[];
  readonly localPref: number | null;
  readonly med: number | null;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  readonly extendedCommunities: string;
  readonly originatorId: string | null;
  readonly clusterList: readonly string[];
}

function frrPath(path: any): FrrPath {
  return {
    best: path.bestpath?.overall === true,
    valid: path.valid === true,
    from: path.peer?.peerId ?? "self",
    asPath: path.aspath?.string ?? "",
    origin: path.origin,
    nextHops: (path.nexthops ?? []).map((hop: any) => hop.ip),
    localPref: path.locPrf ?? null,
    med: path.metric ?? path.med ?? null,
    communities: path.community?.list ?? [],
    largeCommunities: path.largeCommunity?.list ?? [],
    extendedCommunities: path.extendedCommunity?.string ?? "",
    originatorId: path.originatorId ?? null,
    clusterList: path.clusterList?.list ?? [],
  };
}
