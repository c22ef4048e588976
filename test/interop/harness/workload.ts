import type { Host, Lab } from "../../../testbed/lab.ts";

/**
 * A workload wired as the lectures do: its address is a /32, its default gateway 169.254.1.1, which is nowhere; the host's
 * end of the cable (`cali...`) has the address ee:ee:ee:ee:ee:ee and answers ARP for it (proxy ARP). The host has a /32
 * route onto the cable. Proxy ARP answers only where the host has a route to 169.254.1.1, so it needs a default route.
 */
export async function plugWorkload(lab: Lab, host: Host, name: string, address: string): Promise<Host> {
  const workload = lab.host(name);
  const cable = `cali${name}`;
  await host.run("ip", "link", "add", cable, "type", "veth", "peer", "eth0", "netns", workload.namespace);
  await host.run("ip", "link", "set", cable, "address", "ee:ee:ee:ee:ee:ee", "up");
  await host.run("sysctl", "-qw", `net.ipv4.conf.${cable}.proxy_arp=1`, `net.ipv4.neigh.${cable}.proxy_delay=0`);
  await workload.run("ip", "link", "set", "eth0", "up");
  await workload.run("ip", "address", "add", `${address}/32`, "dev", "eth0");
  await workload.run("ip", "route", "add", "169.254.1.1", "dev", "eth0", "scope", "link");
  await workload.run("ip", "route", "add", "default", "via", "169.254.1.1", "dev", "eth0");
  await host.run("ip", "route", "add", `${address}/32`, "dev", cable, "scope", "link");
  return workload;
}
