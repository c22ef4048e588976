import type { Test } from "tap";
import type { Finding } from "../../../src/cli/doctor/probe.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import type { Host, Lab } from "../../../testbed/lab.ts";
import { Pinging } from "./pinging.ts";
import { ourTimers } from "./texts.ts";
import { plugWorkload } from "./workload.ts";

/**
 * Tunnels under another config: two nodes on one link that reach each other's workloads by VXLAN. n1 has two addresses, of
 * which it uses one. n2 has a hundred prefixes more, since a device takes all its routes along.
 */
export interface Tunnel {
  address: string;
  device: string;
  vni: number;
  port: number;
  mtu: number | "auto";
}
export const usual: Tunnel = { address: "192.168.100.1", device: "vxlan.peerage", vni: 4096, port: 4789, mtu: "auto" };
const more = Array.from({ length: 100 }, (_, i) => `172.20.${i}.0/24`);
export const blocks = { n1: "172.17.8.0/24", n2: "172.17.9.0/24" };

export const tunnels = ({ device, vni, port, mtu }: Tunnel) =>
  `tunnels: [{kind: vxlan, device: ${device}, vni: ${vni}, port: ${port}, mtu: ${mtu}, when: always}]`;

export const config1 = (tunnel: Tunnel, tunnelled = tunnels(tunnel)) => `
router: {as: 65001, router-id: 192.168.100.1, address: ${tunnel.address}}
originate: [{prefix: ${blocks.n1}, blackhole: true}]
neighbors: [{address: 192.168.100.2, remote-as: internal, local-address: ${tunnel.address}, ${ourTimers}}]
${tunnelled}
`;
export const config2 = (tunnel: Tunnel, tunnelled = tunnels(tunnel), peers = [tunnel.address]) => `
router: {as: 65001, router-id: 192.168.100.2, address: 192.168.100.2}
originate:
${[blocks.n2, ...more].map((prefix) => `  - {prefix: ${prefix}, blackhole: true}`).join("\n")}
neighbors:
${peers.map((address) => `  - {address: ${address}, remote-as: internal, passive: true, ${ourTimers}}`).join("\n")}
${tunnelled}
`;

/** All that a tunnel is in the kernel: what a fresh start has to end in, and whatever else does. */
async function stateOf(host: Host, device: string) {
  const [link] = JSON.parse(await host.run("ip", "-j", "-d", "link", "show", "dev", device));
  const lines = async (...command: string[]) =>
    (await host.run(...command))
      .trim()
      .split("\n")
      .map((line) => line.trim());
  const { id, local, port, learning } = link.linkinfo.info_data;
  return {
    link: {
      name: link.ifname,
      mac: link.address,
      mtu: link.mtu,
      up: link.flags.includes("UP"),
      id,
      local,
      port,
      learning,
    },
    alias: link.ifalias,
    neighbours: (await lines("ip", "neigh", "show", "dev", device)).filter((line) => line.includes("PERMANENT")),
    forwarding: await lines("bridge", "fdb", "show", "dev", device),
    routes: (await host.kernelRoutes("bgp")).filter(({ type }) => type !== "blackhole"),
  };
}
const macOf = (address: string) =>
  `0e:50:${address
    .split(".")
    .map((octet) => Number(octet).toString(16).padStart(2, "0"))
    .join(":")}`;

function expected(own: Tunnel, remote: string, prefixes: readonly string[]): Awaited<ReturnType<typeof stateOf>> {
  return {
    link: {
      name: own.device,
      mac: macOf(own.address),
      mtu: own.mtu === "auto" ? 1450 : own.mtu,
      up: true,
      id: own.vni,
      local: own.address,
      port: own.port,
      learning: false,
    },
    alias: "peerage: table 254, proto 186, metric 32",
    neighbours: [`${remote} lladdr ${macOf(remote)} PERMANENT`],
    forwarding: [`${macOf(remote)} dst ${remote} self permanent`],
    routes: [...prefixes]
      .sort()
      .map((prefix) => ({ prefix, type: "unicast", via: [`${remote} dev ${own.device}`], metric: 32 })),
  };
}

export const moved: Tunnel = { ...usual, address: "192.168.100.11" };

/** Two nodes, a workload on each, and what the scenarios do with them. */
export async function twoNodes(lab: Lab) {
  const lan = lab.switch("lan");
  const hosts = {
    n1: lab.host("n1").plug(lan, { addresses: ["192.168.100.1/24", "192.168.100.11/24"] }),
    n2: lab.host("n2").plug(lan, { addresses: ["192.168.100.2/24"] }),
  };
  for (const host of Object.values(hosts)) await host.run("ip", "route", "add", "default", "via", "192.168.100.254");
  const w1 = await plugWorkload(lab, hosts.n1, "w1", "172.17.8.2");
  const w2 = await plugWorkload(lab, hosts.n2, "w2", "172.17.9.2");
  const n1 = await new Peerage(hosts.n1, config1(usual)).start();
  const n2 = await new Peerage(hosts.n2, config2(usual)).start();

  /** Both nodes' kernels are as these tunnels want, packets flow both ways, and the daemons say so. */
  const settled = async (t: Test, tunnel: Tunnel, device2 = tunnel.device) => {
    const own2 = { ...tunnel, address: "192.168.100.2", device: device2 };
    for (const [host, want] of [
      [hosts.n1, expected(tunnel, "192.168.100.2", [blocks.n2, ...more])],
      [hosts.n2, expected(own2, tunnel.address, [blocks.n1])],
    ] as const)
      await lab.until(`the kernel of ${host.name} has all that is wanted`, async () => {
        const all = await stateOf(host, want.link.name);
        // n2 keeps what it knew of the address that n1 had before for a while, as it does of every node that is gone.
        const ofToday = (line: string) => !line.includes("192.168.100.1") || line.includes(`${tunnel.address} `);
        const found = {
          ...all,
          neighbours: all.neighbours.filter(ofToday),
          forwarding: all.forwarding.filter(ofToday),
        };
        if (JSON.stringify(found) === JSON.stringify(want)) return true;
        throw new Error(`found ${JSON.stringify(found)}, want ${JSON.stringify(want)}`.slice(0, 2000));
      });
    const pings = [new Pinging(w1, "172.17.9.2"), new Pinging(w2, "172.17.8.2")];
    for (const ping of pings) await ping.flows();
    for (const ping of pings) t.equal((await ping.stop()).lost, 0);
    for (const [node, device] of [
      [n1, tunnel.device],
      [n2, device2],
    ] as const) {
      t.same((await node.get("/tunnels")).tunnels, [{ device, kind: "vxlan", usable: true, problem: null }]);
      t.same(
        (await hosts[node === n1 ? "n1" : "n2"].run("ip", "-o", "link", "show", "type", "vxlan")).trim().split("\n")
          .length,
        1,
      );
    }
    t.notMatch(n1.daemon.output + n2.daemon.output, /left alone/);
  };
  const indexOf = async (device: string) =>
    JSON.parse(await hosts.n1.run("ip", "-j", "link", "show", "dev", device))[0].ifindex as number;
  /** What a ping from workload to workload loses while `what` happens. */
  const losing = async (t: Test, what: () => Promise<void>) => {
    const ping = new Pinging(w1, "172.17.9.2");
    await ping.flows();
    await what();
    const { sent, lost } = await ping.stop();
    t.comment(`${lost} of ${sent} packets lost, a hundred a second`);
    return lost;
  };
  const both = async (change: (node: Peerage, config: string) => Promise<unknown>, tunnel: Tunnel) => {
    await Promise.all([change(n2, config2(tunnel)), change(n1, config1(tunnel))]);
  };
  const reload = async (node: Peerage, config: string) => {
    node.configure(config);
    await node.reload();
  };
  const restart = async (node: Peerage, config: string) => {
    await node.daemon.signal("SIGKILL");
    node.configure(config);
    await node.restart();
  };
  /** Without anything that an earlier run has left. */
  const freshly = async (node: Peerage) => {
    await node.daemon.signal("SIGTERM");
    for (const { ifname } of JSON.parse(await node.host.run("ip", "-j", "link", "show", "type", "vxlan")))
      await node.host.run("ip", "link", "del", ifname);
    await node.host.run("ip", "route", "flush", "proto", "bgp");
    await node.restart();
  };
  /** Both devices are gone, and routes go over the link itself. */
  const withoutTunnels = async () => {
    for (const host of Object.values(hosts))
      await lab.until(
        `the device of ${host.name} is gone`,
        async () => (await host.run("ip", "link", "show", "type", "vxlan")) === "",
      );
    await lab.until(
      "routes go without it",
      async () => (await hosts.n1.kernelRoute(blocks.n2, "bgp"))?.via.includes("192.168.100.2 dev eth0") ?? false,
    );
  };
  return { hosts, w1, n1, n2, settled, indexOf, losing, both, reload, restart, freshly, withoutTunnels };
}

/** What the doctor says of tunnels; other things may be wrong with the machine that runs the test. */
export async function ofDoctor(node: Peerage): Promise<readonly Finding[]> {
  const said = await node.cli("doctor", "--json").catch((error: Error) => error.message.replace(/^[^{]*/s, ""));
  return (JSON.parse(said) as { checks: Finding[] }).checks.filter(({ name }) => name === "tunnels");
}
