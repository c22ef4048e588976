import { Peerage } from "../../../testbed/daemons/peerage.ts";
import type { Host, Lab, Switch } from "../../../testbed/lab.ts";
import { plugWorkload } from "./workload.ts";

/**
 * Three nodes in two subnets, a workload on each: n1 and n2 reach each other directly, n3 by VXLAN (cross-subnet).
 *
 *   n1 .1 172.17.8.0/24, n2 .2 172.17.9.0/24 ── 192.168.100.0/24 ── router .254 ── 192.168.200.0/24 ── n3 .3 172.17.10.0/24
 */
export const nodes = [
  { name: "n1", address: "192.168.100.1", block: "172.17.8" },
  { name: "n2", address: "192.168.100.2", block: "172.17.9" },
  { name: "n3", address: "192.168.200.3", block: "172.17.10" },
] as const;
export type Node = (typeof nodes)[number];

export const blocks = nodes.map(({ block }) => `${block}.0/24`);

/** Their hosts, workloads and daemons, which are not started yet. `place` puts one more host beside n1 and n2. */
export async function threeNodes(lab: Lab, configOf: (node: Node) => string) {
  const [lanA, lanB] = [lab.switch("a"), lab.switch("b")];
  lab
    .host("r")
    .plug(lanA, { addresses: ["192.168.100.254/24"] })
    .plug(lanB, { addresses: ["192.168.200.254/24"] });
  const place = async (name: string, address: string, lan: Switch = lanA) => {
    const host = lab.host(name).plug(lan, { addresses: [`${address}/24`] });
    await host.run("ip", "route", "add", "default", "via", address.replace(/\d+$/, "254"));
    return host;
  };
  const workloads: Host[] = [];
  const daemons: Peerage[] = [];
  for (const node of nodes) {
    const host = await place(node.name, node.address, node.name === "n3" ? lanB : lanA);
    workloads.push(await plugWorkload(lab, host, `w${node.name.slice(1)}`, `${node.block}.2`));
    daemons.push(new Peerage(host, configOf(node)));
  }
  return {
    daemons: daemons as [Peerage, Peerage, Peerage],
    workloads: workloads as [Host, Host, Host],
    place,
  };
}
