import { readFileSync } from "node:fs";
import { waitFor } from "../../testbed/wait.ts";

/** Segments that the kernel threw away before any socket of ours could hear of them (proc(5), /proc/net/netstat); of the whole network namespace. */
export type DropCounter = "TCPMD5NotFound" | "TCPMD5Failure" | "TCPMinTTLDrop";

export function dropped(counter: DropCounter): number {
  const [names, values] = readFileSync("/proc/self/net/netstat", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("TcpExt:"))
    .map((line) => line.split(" "));
  return Number(values![names!.indexOf(counter)]);
}

/** One turn of the loop: all that was there to be read when it began has been read when it is over. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits until the kernel has thrown away something more than when it had counted `before`. */
export async function untilDropped(counter: DropCounter, before: number): Promise<void> {
  await waitFor(`${counter} has risen above ${before}`, () => dropped(counter) > before, {
    seen: () => dropped(counter),
  });
}

/** What the kernel has of connections with this local port, descriptor or not (proc_net_tcp(5)); listening sockets aside. */
export function connectionsFrom(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  return rows.filter((row) => {
    const [, address, , state] = row.trim().split(/\s+/);
    return address?.endsWith(local) && state !== LISTENING;
  }).length;
}

const LISTENING = "0A";
