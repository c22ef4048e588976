import type { Situation } from "./host-checks.ts";
import { type Finding, type HostProbe, ok, warn } from "./probe.ts";

/** How long the doctor watches counters that aren't zero: a dial that goes unanswered sends its SYN again after one second and two. */
const WATCH_SECONDS = 3;

const counters = [
  ["TCPMD5NotFound", "without the TCP MD5 signature that we expect"],
  ["TCPMD5Unexpected", "with a TCP MD5 signature that we don't expect"],
  ["TCPMD5Failure", "with a wrong TCP MD5 signature: the passwords differ"],
  ["TCPMinTTLDrop", "from farther away than ttl-security allows"],
] as const;

/**
 * Segments that the kernel dropped before we could see them (RFC 2385, RFC 5082). It counts since boot and doesn't say when, so what
 * was mended long ago would be complained of for ever: the doctor looks twice. What doesn't grow is a fault only while a neighbor is
 * down, who may be dialling just now and then.
 */
export async function tcpDrops({ probe, neighborDown }: Situation): Promise<Finding[]> {
  const before = read(probe);
  if (before.every((count) => count === 0))
    return [ok("tcp", "The kernel dropped no segment for its signature or TTL")];
  await probe.pause(WATCH_SECONDS * 1000);
  const after = read(probe);
  return counters.flatMap(([name, what], i) => {
    const total = after[i]!;
    const grown = total - before[i]!;
    if (total === 0) return [];
    const remedy = "compare password and ttl-security on both sides";
    if (grown > 0)
      return [
        warn(
          "tcp",
          `The kernel drops segments ${what} (${name}): ${grown} in the last ${WATCH_SECONDS} s, ${total} since boot`,
          remedy,
        ),
      ];
    const text = `The kernel dropped ${total} segments ${what} (${name}) since boot, none in the last ${WATCH_SECONDS} s`;
    return [neighborDown ? warn("tcp", `${text}; a neighbor is down`, remedy) : ok("tcp", text)];
  });
}

function read(probe: HostProbe): number[] {
  const [titles = "", values = ""] = (probe.text("/proc/net/netstat") ?? "").split("\n");
  const names = titles.split(" ");
  return counters.map(([name]) => Number(values.split(" ")[names.indexOf(name)] ?? 0) || 0);
}
