import { mkdirSync } from "node:fs";
import type { Host } from "../lab.ts";
import { NotYet } from "../wait.ts";
import { Daemon } from "./daemon.ts";

/** OpenBGPD on a host. Debian's package has no kernel routing, so it serves as a strict decoder. bgpd.conf(5), bgpctl(8). */
export class OpenBgpd {
  readonly host: Host;
  readonly daemon: Daemon;

  constructor(host: Host, config: string) {
    this.host = host;
    const file = host.file("openbgpd.conf", `socket "${host.directory}/bgpd.sock"\n${config}`, 0o600);
    mkdirSync("/run/openbgpd", { recursive: true, mode: 0o755 }); // its chroot, which only its systemd unit makes
    this.daemon = new Daemon(host, "bgpd (OpenBGPD)", ["/usr/sbin/bgpd", "-d", "-f", file]);
  }

  async start(): Promise<this> {
    await this.host.lab.until(`OpenBGPD on ${this.host.name} answers`, () => this.json("show", "summary"));
    return this;
  }

  async json(...words: string[]): Promise<any> {
    return JSON.parse(await this.host.run("bgpctl", "-s", `${this.host.directory}/bgpd.sock`, "-j", ...words));
  }

  async established(address: string): Promise<boolean> {
    const { neighbors } = await this.json("show", "summary");
    const neighbor = neighbors.find((row: any) => row.remote_addr === address);
    if (neighbor?.state === "Established") return true;
    throw new NotYet(`${address}: ${neighbor?.state}`);
  }

  async paths(prefix: string): Promise<any[]> {
    return (await this.json("show", "rib", "detail", prefix)).rib ?? [];
  }
}
