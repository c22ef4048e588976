import { spawnSync } from "node:child_process";

/**
 * A network namespace with one veth pair in it, both ends at home. The daemon's address lies on the pair (FRR refuses to speak from an
 * address that no interface has); the clients' addresses are made local by one route, so that thousands cost nothing. All traffic is
 * local delivery: it goes through the kernel's loopback path.
 */
export class Namespace {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    ip("netns", "add", name);
    try {
      ip("-n", name, "link", "add", "bench0", "type", "veth", "peer", "name", "bench1");
      for (const link of ["lo", "bench0", "bench1"]) ip("-n", name, "link", "set", link, "up");
      ip("-n", name, "addr", "add", `${DAEMON_IPV4}/8`, "dev", "bench0");
      ip("-n", name, "addr", "add", `${DAEMON_IPV6}/64`, "dev", "bench0", "nodad");
      ip("-n", name, "route", "add", "local", "10.0.0.0/9", "dev", "lo");
      enable(name, "net.ipv6.ip_nonlocal_bind"); // for IPv4 the route is enough to bind to such an address
      ip("-n", name, "-6", "route", "add", "local", "fd00:b::/96", "dev", "lo");
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** `argv` as a command inside; `ip` replaces itself, so the process id is the command's own. */
  inside(argv: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.name, ...argv];
  }

  isListening(port: number): boolean {
    const [command, ...args] = this.inside(["ss", "-Hltn", `sport = :${port}`]);
    return spawnSync(command!, args, { encoding: "utf8" }).stdout.trim() !== "";
  }

  /** A file as processes inside see it. */
  read(path: string): string {
    return spawnSync("ip", ["netns", "exec", this.name, "cat", path], { encoding: "utf8" }).stdout;
  }

  remove(): void {
    spawnSync("ip", ["netns", "del", this.name]);
  }
}

export const DAEMON_IPV4 = "10.255.255.1";
export const DAEMON_IPV6 = "fd00:b::1:0:0:1";

function enable(name: string, key: string): void {
  ip("netns", "exec", name, "sysctl", "-qw", `${key}=1`);
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr.trim()} (the bench needs root for its namespace)`);
}
