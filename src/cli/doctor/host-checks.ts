import type { Config } from "../../config/model.ts";
import { type Finding, fail, type HostProbe, ok, warn } from "./probe.ts";

/** Checks of the machine. Each looks at one thing and says one sentence; without a config they assume the defaults. */
export interface Situation {
  readonly probe: HostProbe;
  readonly config: Config | null;
  /** Whether a daemon answers on the control socket: then it is the one who holds the ports. */
  readonly running: boolean;
  /** Whether one of that daemon's neighbors isn't established. */
  readonly neighborDown: boolean;
}

const CAP_NET_BIND_SERVICE = 10;
const CAP_NET_ADMIN = 12;

/** From linux/capability.h, by /proc/self/status. */
function hasCapability({ probe }: Situation, bit: number): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(probe.text("/proc/self/status") ?? "")?.[1];
  if (mask === undefined) return probe.superuser;
  return ((BigInt(`0x${mask}`) >> BigInt(bit)) & 1n) === 1n;
}

const number = (text: string | undefined): number | undefined =>
  text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;

const usesKernel = ({ config }: Situation): boolean => (config?.kernel.fib ?? "kernel") === "kernel";

export function nodeVersion({ probe }: Situation): Finding {
  const [major = 0, minor = 0] = probe.nodeVersion.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 11))
    return fail("node", `Node.js ${probe.nodeVersion} is too old`, "install Node.js 20.11 or later");
  return ok("node", `Node.js ${probe.nodeVersion}`);
}

export function capabilities(situation: Situation): Finding {
  if (!usesKernel(situation)) return ok("capabilities", "No kernel routes are written, so none are needed for that");
  if (hasCapability(situation, CAP_NET_ADMIN))
    return ok("capabilities", "Kernel routes may be written (CAP_NET_ADMIN)");
  return fail(
    "capabilities",
    "Kernel routes may not be written: CAP_NET_ADMIN is missing",
    "run as root, give the service AmbientCapabilities=CAP_NET_ADMIN, or set kernel.fib: memory or none",
  );
}

export async function ports(situation: Situation): Promise<Finding[]> {
  const { probe, config, running } = situation;
  const { addresses, port } = config?.router.listen ?? { addresses: ["0.0.0.0", "::"], port: 179 };
  if (addresses.length === 0) return [ok("ports", "The config listens nowhere and only dials")];
  if (running) return [ok("ports", `A daemon is running and holds port ${port}`)];
  return Promise.all(
    addresses.map(async (address) => onePort(situation, address, port, await probe.tryListen(address, port))),
  );
}

function onePort(situation: Situation, address: string, port: number, code: string | undefined): Finding {
  const where = `${address} port ${port}`;
  switch (code) {
    case undefined:
      return ok("ports", `${where} is free`);
    case "EADDRINUSE":
      return fail(
        "ports",
        `Somebody else listens on ${where}`,
        `\`ss -ltnp 'sport = :${port}'\` tells who; stop it, or set router.listen.port`,
      );
    case "EACCES":
    case "EPERM":
      return hasCapability(situation, CAP_NET_BIND_SERVICE)
        ? fail("ports", `${where} may not be used`, "a security module may forbid it; look into the audit log")
        : fail(
            "ports",
            `${where} may not be used: CAP_NET_BIND_SERVICE is missing`,
            "give the service that capability, or set router.listen.port above 1023",
          );
    case "EADDRNOTAVAIL":
      return fail("ports", `This host has no address ${address}`, "correct router.listen.address");
    case "EAFNOSUPPORT":
    case "EINVAL":
      return warn(
        "ports",
        `This host speaks no ${address.includes(":") ? "IPv6" : "IPv4"}, so nobody is heard on ${where}`,
        "remove it from router.listen.address",
      );
    default:
      return fail("ports", `${where} can't be used: ${code}`, "correct router.listen");
  }
}

export function forwarding(situation: Situation): Finding[] {
  const { probe } = situation;
  if (!usesKernel(situation)) return [];
  return (
    [
      ["IPv4", "/proc/sys/net/ipv4/ip_forward", "net.ipv4.ip_forward=1"],
      ["IPv6", "/proc/sys/net/ipv6/conf/all/forwarding", "net.ipv6.conf.all.forwarding=1"],
    ] as const
  ).flatMap(([family, path, setting]) => {
    const value = number(probe.text(path));
    if (value === undefined) return [];
    return value === 0
      ? [
          warn(
            "forwarding",
            `This host forwards no ${family}: packets for its workloads end here`,
            `sysctl -w ${setting}, unless it has none`,
          ),
        ]
      : [ok("forwarding", `${family} is forwarded`)];
  });
}

/** Strict mode drops what comes in by another way than answers would leave: with several paths that is ordinary. */
export function reversePathFilter(situation: Situation): Finding[] {
  if (!usesKernel(situation)) return [];
  const base = "/proc/sys/net/ipv4/conf";
  const of = (name: string) => number(situation.probe.text(`${base}/${name}/rp_filter`)) ?? 0;
  const everywhere = of("all");
  // The kernel takes the larger of the two, and 2 is loose.
  const strict = situation.probe
    .list(base)
    .filter((name) => name !== "all" && name !== "default" && name !== "lo" && Math.max(everywhere, of(name)) === 1);
  if (strict.length === 0) return [ok("rp_filter", "No interface filters strictly by reverse path")];
  const names =
    strict.length > 4 ? `${strict.slice(0, 4).join(", ")} and ${strict.length - 4} more` : strict.join(", ");
  return [
    warn(
      "rp_filter",
      `Strict reverse path filtering on ${names} drops packets that come in by another way than answers leave`,
      "sysctl -w net.ipv4.conf.all.rp_filter=2 where paths may differ",
    ),
  ];
}

/** Each TCP MD5 key of a listening socket counts against net.core.optmem_max: about 150 octets. */
const OCTETS_PER_KEY = 160;

export function optionMemory({ probe, config }: Situation): Finding[] {
  const limit = number(probe.text("/proc/sys/net/core/optmem_max"));
  if (limit === undefined) return [];
  const peers = [...(config?.neighbors ?? []), ...(config?.dynamicNeighbors ?? [])];
  const keys = peers.filter((peer) => peer.password !== null).length;
  const room = Math.floor(limit / OCTETS_PER_KEY);
  if (keys > room)
    return [
      fail(
        "optmem_max",
        `${keys} TCP MD5 keys don't fit: net.core.optmem_max of ${limit} octets holds about ${room} on one listening socket`,
        `sysctl -w net.core.optmem_max=${keys * OCTETS_PER_KEY * 2}, or one key for a range instead of one for each neighbor`,
      ),
    ];
  return [ok("optmem_max", `net.core.optmem_max holds about ${room} TCP MD5 keys, ${keys} are configured`)];
}

export function openFiles({ probe, config }: Situation): Finding[] {
  const limit = /^Max open files\s+(\d+|unlimited)/m.exec(probe.text("/proc/self/limits") ?? "")?.[1];
  if (limit === undefined || limit === "unlimited") return [];
  const members = config?.dynamicNeighbors.map((range) => range.limit) ?? [];
  const needed = (config?.neighbors.length ?? 0) + members.reduce((sum, count) => sum + count, 0);
  // Two connections may live until a collision is resolved, and the rest of a daemon needs some, too.
  const wanted = needed * 2 + 64;
  if (Number(limit) < wanted)
    return [
      (Number(limit) < needed + 64 ? fail : warn)(
        "open-files",
        `${limit} files may be open, ${needed} peers may need ${wanted}`,
        `LimitNOFILE=${Math.max(65_536, wanted)} in the service, or ulimit -n ${wanted}`,
      ),
    ];
  if (members.some((count) => count === 0) && Number(limit) < 65_536)
    return [
      warn(
        "open-files",
        `${limit} files may be open, and a range without limit may want more`,
        "LimitNOFILE=65536 in the service, or a limit for the range",
      ),
    ];
  return [ok("open-files", `${limit} files may be open`)];
}

/** Octets that a tunnel puts in front of each packet, over IPv4. */
const overhead = { ipip: 20, vxlan: 50 } as const;

export function mtu(situation: Situation): Finding[] {
  const { probe, config } = situation;
  if (!usesKernel(situation)) return [];
  const base = "/sys/class/net";
  const of = (name: string) => number(probe.text(`${base}/${name}/mtu`));
  const tunnels = config?.tunnels ?? [];
  // A device behind a bus is a real one.
  const underlay = probe
    .list(base)
    .filter((name) => name !== "lo" && probe.list(`${base}/${name}/device`).length > 0)
    .flatMap((name) => {
      const size = of(name);
      return size === undefined ? [] : [{ name, size }];
    });
  if (underlay.length === 0) return [];
  const smallest = underlay.reduce((least, entry) => (entry.size < least.size ? entry : least));
  const findings: Finding[] = [];
  for (const { kind, device, mtu: configured } of tunnels) {
    const size = typeof configured === "number" ? configured : of(device);
    const most = smallest.size - overhead[kind];
    if (size !== undefined && size > most)
      findings.push(
        warn(
          "mtu",
          `The MTU of ${device} is ${size}, more than the ${most} that fit through ${smallest.name}`,
          `mtu: auto, or at most ${most}`,
        ),
      );
  }
  if (new Set(underlay.map((entry) => entry.size)).size > 1)
    findings.push(
      warn(
        "mtu",
        `Interfaces differ in MTU: ${underlay.map((entry) => `${entry.name} ${entry.size}`).join(", ")}`,
        "make them equal, or large packets of workloads may vanish on the way",
      ),
    );
  if (findings.length === 0)
    findings.push(ok("mtu", `The MTU is ${smallest.size} on ${underlay.map((entry) => entry.name).join(", ")}`));
  return findings;
}

export function ipv6({ probe, config }: Situation): Finding[] {
  const wanted =
    config === null ||
    config.router.listen.addresses.some((address) => address.includes(":")) ||
    config.neighbors.some((peer) => peer.address.includes(":"));
  const there =
    probe.text("/proc/net/if_inet6") !== undefined &&
    number(probe.text("/proc/sys/net/ipv6/conf/all/disable_ipv6")) !== 1;
  if (there) return [ok("ipv6", "This host speaks IPv6")];
  return wanted
    ? [
        warn(
          "ipv6",
          "This host speaks no IPv6, and the config uses it",
          "enable it, or listen on IPv4 alone (router.listen.address)",
        ),
      ]
    : [];
}

/** Nothing in BGP needs the right time, but logs and certificates do, and a machine without it was just booted oddly. */
export function time({ probe }: Situation): Finding[] {
  const year = new Date(probe.wallTime()).getUTCFullYear();
  if (year < 2024)
    return [
      warn(
        "time",
        `The clock of this host says ${new Date(probe.wallTime()).toISOString()}`,
        "set it, or run a time service: log lines are of little use otherwise",
      ),
    ];
  return [ok("time", `It is ${new Date(probe.wallTime()).toISOString()}`)];
}
