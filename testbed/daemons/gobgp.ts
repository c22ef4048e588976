import type { Host } from "../lab.ts";
import { NotYet } from "../wait.ts";
import { Daemon } from "./daemon.ts";

/** GoBGP on a host; the configuration is TOML. https://github.com/osrg/gobgp/tree/v3.10.0/docs/sources */
export class GoBgp {
  readonly host: Host;
  readonly daemon: Daemon;

  constructor(host: Host, config: string) {
    this.host = host;
    const file = host.file("gobgpd.toml", config);
    this.daemon = new Daemon(host, "gobgpd", [
      "gobgpd",
      "-f",
      file,
      "--api-hosts",
      "127.0.0.1:50051",
      "--pprof-disable",
    ]);
  }

  async start(): Promise<this> {
    await this.host.lab.until(`GoBGP on ${this.host.name} answers`, () => this.gobgp("global"));
    return this;
  }

  gobgp(...words: string[]): Promise<string> {
    return this.host.run("gobgp", ...words);
  }

  async json(...words: string[]): Promise<any> {
    const text = await this.gobgp(...words, "-j");
    try {
      return JSON.parse(text);
    } catch {
      throw new NotYet(`gobgp ${words.join(" ")}: ${text.trim()}`);
    }
  }

  async established(address: string): Promise<boolean> {
    const neighbor = await this.json("neighbor", address);
    if (neighbor.state?.session_state === 6) return true;
    throw new NotYet(`${address}: session state ${neighbor.state?.session_state}`);
  }

  /** Paths of a prefix in the global RIB, as GoBGP's own JSON. */
  async paths(prefix: string): Promise<any[]> {
    const family = prefix.includes(":") ? "ipv6" : "ipv4";
    const rib = await this.json("global", "rib", "-a", family);
    return rib[prefix] ?? [];
  }
}
