import type { Host } from "../lab.ts";
import { NotYet } from "../wait.ts";
import { Daemon } from "./daemon.ts";

/** BIRD 2 on a host. `protocol device` and the log are added to the configuration. https://bird.network.cz/?get_doc&f=bird.html */
export class Bird {
  readonly host: Host;
  daemon: Daemon;

  constructor(host: Host, config: string) {
    this.host = host;
    this.configure(config);
    this.daemon = this.#launch();
  }

  #launch(...more: string[]): Daemon {
    const dir = this.host.directory;
    return new Daemon(this.host, "bird", [
      "bird",
      "-f",
      "-c",
      `${dir}/bird.conf`,
      "-s",
      `${dir}/bird.ctl`,
      "-P",
      `${dir}/bird.pid`,
      ...more,
    ]);
  }

  async start(): Promise<this> {
    await this.host.lab.until(`BIRD on ${this.host.name} answers`, () => this.birdc("show status"));
    return this;
  }

  /** Writes the configuration; a running BIRD reads it with `birdc("configure")`. */
  configure(config: string): void {
    this.host.file("bird.conf", `log stderr all;\nprotocol device {}\n${config}`);
  }

  /** Starts it again after it was stopped; `recover`: as in a graceful restart (R and F bits set). */
  async restart(recover = false): Promise<this> {
    this.daemon = this.#launch(...(recover ? ["-R"] : []));
    return this.start();
  }

  birdc(command: string): Promise<string> {
    return this.host.run("birdc", "-s", `${this.host.directory}/bird.ctl`, ...command.split(" "));
  }

  /** The last column of `show protocols` ("Established", "Active  Socket: Connection refused" ...). */
  async info(protocol: string): Promise<string> {
    const line = (await this.birdc("show protocols")).split("\n").find((line) => line.startsWith(`${protocol} `));
    return line?.trim().split(/\s+/).slice(5).join(" ") ?? "";
  }

  async established(protocol: string): Promise<boolean> {
    const info = await this.info(protocol);
    if (info === "Established") return true;
    throw new NotYet(`${protocol}: ${info}`);
  }

  /** How many protocols are Established whose name starts so. */
  async countEstablished(start: string): Promise<number> {
    const lines = (await this.birdc("show protocols")).split("\n");
    return lines.filter((line) => line.startsWith(start) && /\sEstablished\s*$/.test(line)).length;
  }

  /** All paths of a prefix, the best first. */
  async paths(prefix: string): Promise<BirdPath[]> {
    const table = prefix.includes(":") ? "master6" : "master4";
    let text: string;
    try {
      text = await this.birdc(`show route table ${table} ${prefix} all`);
    } catch (error) {
      if (String(error).includes("Network not found") || String(error).includes("Network not in table")) return [];
      throw error;
    }
    return parsePaths(text);
  }

  async best(prefix: string): Promise<BirdPath | undefined> {
    return (await this.paths(prefix)).find((path) => path.best);
  }
}

export interface BirdPath {
  readonly best: boolean;
  readonly protocol: string;
  readonly reachable: boolean;
  readonly via: string | null;
  /** As BIRD prints them, without "BGP.": "as_path" → "65001 65002", "community" → "(65001,1) (65001,2)". */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Reads `show route ... all`: a line for each path, then indented lines of what belongs to it. */
function parsePaths(text: string): BirdPath[] {
  const paths: (BirdPath & { via: string | null; attributes: Record<string, string> })[] = [];
  for (const line of text.split("\n")) {
    const head = /^\S*\s+(unicast|unreachable|blackhole|prohibit)?\s*\[(\S+) .*?\](\s\*)?/.exec(line);
    if (head !== null) {
      paths.push({
        best: head[3] !== undefined,
        protocol: head[2]!,
        reachable: head[1] === "unicast",
        via: null,
        attributes: {},
      });
      continue;
    }
    const path = paths.at(-1);
    if (path === undefined) continue;
    const via = /^\tvia (\S+)/.exec(line);
    if (via !== null) path.via = via[1]!;
    const attribute = /^\tBGP\.(\S+?): ?(.*)$/.exec(line);
    if (attribute !== null) path.attributes[attribute[1]!] = attribute[2]!.trim();
  }
  return paths;
}
