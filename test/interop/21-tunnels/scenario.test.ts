import { type ChildProcess, spawn } from "node:child_process";
import type { FibHop } from "../../../src/kernel/records.ts";
import { formatPrefix, parseAddress, parsePrefix } from "../../../src/lib/address.ts";
import type { Log } from "../../../src/lib/log.ts";
import type { TunnelRule } from "../../../src/tunnel/choose.ts";
import { deviceMark } from "../../../src/tunnel/own-device.ts";
import { Tunnels } from "../../../src/tunnel/tunnels.ts";
import { Workloads } from "../../../src/tunnel/workloads.ts";
import type { Host, Lab, Switch } from "../../../testbed/lab.ts";
import { Stopwatch } from "../../../testbed/wait.ts";
import { hop, Room, through } from "../harness/fib-room.ts";
import { standInProgram } from "../harness/ipip-stand-in.ts";
import { Pinging } from "../harness/pinging.ts";
import { scenario } from "../harness/scenario.ts";
import { plugWorkload } from "../harness/workload.ts";

/**
 * Tunnels and workloads in namespaces: two nodes on one link and a third behind a router, each with a workload. The
 * routes are what the speaker would set: for each node its block, through what `reach` says.
 */
const vxlan = (over: Partial<TunnelRule> = {}): TunnelRule => ({
  kind: "vxlan",
  device: "vxlan.peerage",
  mtu: "auto",
  when: "cross-subnet",
  vni: 4096,
  port: 4789,
  ...over,
});

class Node {
  readonly room: Room;
  readonly address: string;
  readonly reports: string[] = [];
  tunnels: Tunnels | null = null;
  readonly #routes = new Map<string, string[]>();

  constructor(host: Host, address: string) {
    this.room = new Room(host, { writer: "process" });
    this.address = address;
  }

  open(...rules: TunnelRule[]): void {
    const log: Log = { event: (_level, _name, message) => void this.reports.push(message) };
    this.tunnels = new Tunnels({
      rules,
      address: parseAddress(this.address),
      ignoreInterfaces: ["cali*"],
      mark: deviceMark({ table: 254, protocol: 186, metric: 32 }),
      reader: this.room.reader,
      devices: this.room.fib.devices,
      written: (done) => this.room.fib.barrier(done),
      log,
    });
    this.tunnels.onChange(() => this.write());
  }

  /** Sends the block to the node with one of these addresses. */
  route(block: string, ...nextHops: string[]): void {
    this.#routes.set(block, nextHops);
    this.write();
  }

  write(): void {
    for (const [block, nextHops] of this.#routes) {
      const hops: FibHop[] = [];
      for (const nextHop of nextHops) {
        const answer = this.tunnels!.reach(parseAddress(nextHop));
        if (answer === null) hops.push(hop(nextHop, this.room.dev("eth0"), true));
        else if ("hop" in answer) hops.push(answer.hop);
      }
      if (hops.length === nextHops.length) this.room.set(block, through(...hops));
      else this.room.remove(block);
    }
  }

  async close(keep = false): Promise<void> {
    this.tunnels?.close(keep);
    await this.room.fib.close(keep);
  }
}

const blocks = ["172.17.8.0/24", "172.17.9.0/24", "172.17.10.0/24"];

/** Two nodes on one link, a third behind a router, and a workload on each. */
async function rack(lab: Lab) {
  const [lanA, lanB] = [lab.switch("a"), lab.switch("b")];
  lab
    .host("r")
    .plug(lanA, { addresses: ["192.168.100.254/24"] })
    .plug(lanB, { addresses: ["192.168.200.254/24"] });
  const place = async (name: string, lan: Switch, address: string, gateway: string) => {
    const host = lab.host(name).plug(lan, { addresses: [`${address}/24`] });
    await host.run("ip", "route", "add", "default", "via", gateway);
    return host;
  };
  const hosts = [
    await place("n1", lanA, "192.168.100.1", "192.168.100.254"),
    await place("n2", lanA, "192.168.100.2", "192.168.100.254"),
    await place("n3", lanB, "192.168.200.3", "192.168.200.254"),
  ] as const;
  const nodes = [
    new Node(hosts[0], "192.168.100.1"),
    new Node(hosts[1], "192.168.100.2"),
    new Node(hosts[2], "192.168.200.3"),
  ] as const;
  const workloads = [
    await plugWorkload(lab, hosts[0], "w1", "172.17.8.2"),
    await plugWorkload(lab, hosts[1], "w2", "172.17.9.2"),
    await plugWorkload(lab, hosts[2], "w3", "172.17.10.2"),
  ];
  const pings = async (from: number, to: number, ...more: string[]) => {
    const target = blocks[to]!.replace("0/24", "2");
    await lab.until(`workload ${from + 1} reaches workload ${to + 1}`, async () => {
      await workloads[from]!.run("ping", "-c", "1", "-W", "1", ...more, target);
      return true;
    });
  };
  /** Each node sends each other's block to it. */
  const routeAll = () => {
    for (const [i, node] of nodes.entries())
      for (const [j, other] of nodes.entries()) if (i !== j) node.route(blocks[j]!, other.address);
  };
  for (const node of nodes) await node.room.fib.ready;
  /** Packets from one workload to another, from now on. */
  const pinging = (from: number, to: number) => new Pinging(workloads[from]!, blocks[to]!.replace("0/24", "2"));
  return { hosts, nodes, pings, routeAll, pinging };
}

/** Everybody who is to reach whom in a proof. */
const pairs = [
  [0, 1],
  [0, 2],
  [2, 1],
  [1, 0],
] as const;

scenario("VXLAN between workloads, on one link and across a router", ["ping"], async ({ lab, step }) => {
  const { hosts, nodes, pings, routeAll, pinging } = await rack(lab);
  const [n1, n2, n3] = nodes;
  try {
    await step(
      "cross-subnet goes direct on the own link and by tunnel beyond it, and workloads reach each other",
      async (t) => {
        for (const node of nodes) node.open(vxlan());
        routeAll();
        for (const [from, to] of pairs) await pings(from, to);
        t.same(await n1.room.ip("route", "show", "proto", "bgp"), [
          "172.17.9.0/24 via 192.168.100.2 dev eth0 metric 32 onlink",
          "172.17.10.0/24 via 192.168.200.3 dev vxlan.peerage metric 32 onlink",
        ]);
        const [link] = JSON.parse((await n1.room.ip("-j", "-d", "link", "show", "vxlan.peerage")).join(""));
        t.match(link, {
          address: "0e:50:c0:a8:64:01",
          mtu: 1450,
          linkinfo: {
            info_kind: "vxlan",
            info_data: { id: 4096, local: "192.168.100.1", port: 4789, learning: false },
          },
        });
        t.same(await n1.room.ip("neigh", "show", "dev", "vxlan.peerage"), [
          "192.168.200.3 lladdr 0e:50:c0:a8:c8:03 PERMANENT",
        ]);
        const fdb = await hosts[0]!.run("bridge", "fdb", "show", "dev", "vxlan.peerage");
        t.match(fdb, "0e:50:c0:a8:c8:03 dst 192.168.200.3 self permanent");
      },
    );
    await step("a full packet passes: the MTU leaves room for what the tunnel adds", () =>
      pings(0, 2, "-M", "do", "-s", String(1450 - 28)),
    );
    await step("entries that somebody deletes or changes are put right, and packets flow again", async (t) => {
      const entries = async () => ({
        neighbours: await n1.room.ip("neigh", "show", "dev", "vxlan.peerage"),
        forwarding: (await hosts[0]!.run("bridge", "fdb", "show", "dev", "vxlan.peerage")).trim(),
      });
      const before = await entries();
      const [mac, vtep] = ["0e:50:c0:a8:c8:03", "192.168.200.3"];
      for (const command of [
        ["ip", "neigh", "del", vtep, "dev", "vxlan.peerage"],
        ["bridge", "fdb", "del", mac, "dev", "vxlan.peerage", "dst", vtep, "self"],
        ["ip", "neigh", "replace", vtep, "lladdr", "02:00:00:00:00:01", "dev", "vxlan.peerage", "nud", "permanent"],
        ["ip", "neigh", "replace", vtep, "lladdr", mac, "dev", "vxlan.peerage", "nud", "stale"],
        ["bridge", "fdb", "replace", mac, "dev", "vxlan.peerage", "dst", "192.168.200.99", "self"],
      ]) {
        await hosts[0]!.run(...command);
        await lab.until(
          `${command.join(" ")} is put right`,
          async () => JSON.stringify(await entries()) === JSON.stringify(before),
        );
      }
      await pings(0, 2);
      t.same(n1.reports, []);
    });
    let changes = 0;
    n1.tunnels?.onChange(() => {
      changes++;
      n1.write();
    });
    await step("a device deleted by hand is made again with its entries, and packets flow again", async (t) => {
      const before = n1.room.dev("vxlan.peerage");
      await n1.room.ip("link", "del", "vxlan.peerage");
      await pings(0, 2);
      await n1.room.ip("link", "set", "vxlan.peerage", "down"); // told before its end, and read before it
      await n1.room.ip("link", "del", "vxlan.peerage");
      await pings(0, 2);
      t.equal(n1.room.dev("vxlan.peerage"), before, "under the number that it had");
      t.equal(changes, 0, "so that nobody who asked for a way hears of it");
      t.same(n1.reports, []);
    });
    await step(
      "a device set down is set up again; an MTU that somebody changes is reported and not fought over",
      async (t) => {
        await n1.room.ip("link", "set", "vxlan.peerage", "down");
        await pings(0, 2);
        t.equal(changes, 0, "and nobody who asked for a way hears of it");
        await n1.room.ip("link", "set", "vxlan.peerage", "mtu", "1300");
        await lab.until("the change is reported", () =>
          n1.reports.some((text) => text.includes("has MTU 1300, 1450 is wanted")),
        );
      },
    );
    await step("ECMP and tunnels compose: each hop has its own way", async (t) => {
      n1.route("172.17.99.0/24", n2.address, n3.address);
      await n1.room.answered();
      t.same((await n1.room.ip("route", "show", "172.17.99.0/24")).slice(1), [
        "nexthop via 192.168.100.2 dev eth0 weight 1 onlink",
        "nexthop via 192.168.200.3 dev vxlan.peerage weight 1 onlink",
      ]);
      n1.route("172.17.99.0/24");
    });
    await step("a restart keeps routes and device and loses no packet; leaving for good removes them", async (t) => {
      const before = n3.room.dev("vxlan.peerage");
      await n3.room.ip("neigh", "add", "192.168.100.77", "lladdr", "0e:50:c0:a8:64:4d", "dev", "vxlan.peerage");
      const ping = pinging(2, 0);
      await ping.flows();
      await n3.close(true);
      t.ok((await n3.room.ip("route", "show", "proto", "bgp")).length === 2);
      const again = new Node(hosts[2]!, n3.address);
      await again.room.fib.ready;
      again.open(vxlan());
      again.route(blocks[0]!, n1.address);
      again.route(blocks[1]!, n2.address);
      await again.room.answered();
      t.equal(again.room.dev("vxlan.peerage"), before);
      t.same(again.room.fib.counters.operations.add, { ok: 0, failed: 0, overridden: 0 });
      again.tunnels!.sweep();
      await lab.until("an entry that an earlier run left goes", async () => {
        const left = await again.room.ip("neigh", "show", "dev", "vxlan.peerage");
        return left.length === 2 && !left.some((line) => line.startsWith("192.168.100.77"));
      });
      const { sent, lost } = await ping.stop();
      t.equal(lost, 0, `none of ${sent} packets was lost`);
      await pings(2, 0);
      await again.close(false);
      t.same(await n3.room.ip("link", "show", "type", "vxlan"), []);
    });
    await step("when: always tunnels on the own link, too; never does not at all", async (t) => {
      const other = new Node(hosts[2]!, n3.address);
      await other.room.fib.ready;
      try {
        other.open(
          vxlan({ when: "never", device: "vxlan.never" }),
          vxlan({ when: "always", device: "vxlan.b", vni: 5 }),
        );
        other.route(blocks[0]!, "192.168.200.77");
        await lab.until("the tunnel is there", () => other.room.row(blocks[0]!)?.state === "installed");
        t.same(await other.room.ip("route", "show", "proto", "bgp"), [
          "172.17.8.0/24 via 192.168.200.77 dev vxlan.b metric 32 onlink",
        ]);
        t.same(await other.room.ip("link", "show", "vxlan.never").catch(() => "absent"), "absent");
      } finally {
        await other.close();
      }
    });
    await step("a device with other settings is reported, not used and not touched", async (t) => {
      const other = new Node(hosts[2]!, n3.address);
      await other.room.ip(
        "link",
        "add",
        "vxlan.theirs",
        "type",
        "vxlan",
        "id",
        "77",
        "dstport",
        "8472",
        "local",
        "192.168.200.3",
      );
      await other.room.fib.ready;
      try {
        other.open(vxlan({ device: "vxlan.theirs" }));
        t.match(other.tunnels!.reach(parseAddress("192.168.100.1")), {
          trouble:
            /^Tunnel vxlan.theirs: exists with other settings and is left alone: VNI 77, not 4096, port 8472, not 4789, MAC/,
        });
        t.match(other.reports, [/left alone/]);
        const [link] = JSON.parse((await other.room.ip("-j", "-d", "link", "show", "vxlan.theirs")).join(""));
        t.match(link.linkinfo.info_data, { id: 77, port: 8472 });
        t.notOk(link.flags.includes("UP"));
        await other.room.ip("link", "del", "vxlan.theirs");
        await lab.until(
          "ours takes the name when it is free",
          () => "hop" in (other.tunnels!.reach(parseAddress("192.168.100.1")) ?? {}),
        );
      } finally {
        await other.close();
      }
    });
    await step(
      "IPIP routes have the lectures' form, on tunl0, which is set up and given the underlay's MTU less 20",
      async (t) => {
        const other = new Node(hosts[2]!, n3.address);
        await other.room.fib.ready;
        try {
          other.open({ kind: "ipip", device: "tunl0", mtu: "auto", when: "cross-subnet", vni: 0, port: 0 });
          t.match(other.tunnels!.reach(parseAddress("192.168.100.1")), {
            trouble: /tunl0: does not exist: load the kernel's ipip module/,
          });
          other.route("172.17.9.0/24", "192.168.100.1");
          other.route("172.17.7.0/24", "192.168.200.9");
          // this kernel has no ipip: a TUN device stands in for the control path
          await other.room.ip("tuntap", "add", "tunl0", "mode", "tun");
          await lab.until("the route is there", () => other.room.row("172.17.9.0/24")?.state === "installed");
          // A TUN device that nobody reads has no carrier; the kernel notices a moment after it came up.
          const routes = await other.room.ip("route", "show", "proto", "bgp");
          t.same(
            routes.map((route) => route.replace(/ linkdown$/, "")),
            [
              "172.17.7.0/24 via 192.168.200.9 dev eth0 metric 32 onlink",
              "172.17.9.0/24 via 192.168.100.1 dev tunl0 metric 32 onlink",
            ],
          );
          const [link] = JSON.parse((await other.room.ip("-j", "link", "show", "tunl0")).join(""));
          t.equal(link.mtu, 1480);
          t.match(other.reports.at(-1), /tunl0 is a tun device, not ipip/);
        } finally {
          await other.close();
        }
      },
    );
  } finally {
    for (const node of nodes) await node.close();
  }
});

scenario("IPIP between workloads, with a stand-in for the kernel's driver", ["ping"], async ({ lab, step }) => {
  const { hosts, nodes, pings, routeAll } = await rack(lab);
  const standIns: ChildProcess[] = [];
  try {
    await step(
      "routes across the router go through tunl0 in the lectures' form, those on the link do not",
      async (t) => {
        for (const host of hosts) standIns.push(await startStandIn(host));
        for (const node of nodes)
          node.open({ kind: "ipip", device: "tunl0", mtu: "auto", when: "cross-subnet", vni: 0, port: 0 });
        routeAll();
        const written = ({ room }: Node) => room.fib.list().filter((row) => row.state === "installed").length === 2;
        await lab.until("all is written", () => nodes.every(written));
        t.same(await nodes[0].room.ip("route", "show", "proto", "bgp"), [
          "172.17.9.0/24 via 192.168.100.2 dev eth0 metric 32 onlink",
          "172.17.10.0/24 via 192.168.200.3 dev tunl0 metric 32 onlink",
        ]);
      },
    );
    await step("workloads reach each other over both", async () => {
      for (const [from, to] of pairs) await pings(from, to);
    });
    await step("a full packet passes: the MTU leaves room for the outer header", () =>
      pings(0, 2, "-M", "do", "-s", String(1480 - 28)),
    );
  } finally {
    for (const node of nodes) await node.close();
    for (const each of standIns) each.kill("SIGKILL");
  }
});

function startStandIn(host: Host): Promise<ChildProcess> {
  const command = ["netns", "exec", host.namespace, process.execPath, standInProgram, "tunl0"];
  const child = spawn("ip", command, { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    child.stdout.once("data", () => resolve(child));
    child.once("exit", () => reject(new Error("the stand-in for ipip ended")));
  });
}

scenario("workloads are seen as they come and go", [], async ({ lab, step }) => {
  const host = lab.host("wh").plug(lab.switch("lan"), { addresses: ["192.168.100.1/24"] });
  const room = new Room(host, { writer: "inside" });
  await room.fib.ready;
  const told: string[] = [];
  const workloads = new Workloads({
    reader: room.reader,
    interfaces: ["cali*"],
    advertise: "when-outside-block",
    blocks: [parsePrefix("172.17.8.0/24")],
    appeared: (prefix) => told.push(`+${formatPrefix(prefix)}`),
    vanished: (prefix) => told.push(`-${formatPrefix(prefix)}`),
  });
  try {
    await step(
      "a host route onto cali* is told at once unless its block covers it; other interfaces are not looked at",
      async (t) => {
        await plugWorkload(lab, host, "a", "172.17.8.2");
        await plugWorkload(lab, host, "b", "172.17.200.5");
        await room.ip("-6", "route", "add", "fd17::5/128", "dev", "calib");
        await room.ip("route", "add", "172.17.201.5/32", "dev", "eth0");
        await lab.until("both are told", () => told.length >= 2);
        t.same(told.splice(0), ["+172.17.200.5/32", "+fd17::5/128"]);
      },
    );
    await step("each change is told once, in the order of the kernel, and at its word", async (t) => {
      const { resyncs } = room.fib.counters;
      const wanted: string[] = [];
      const watch = new Stopwatch();
      for (let i = 0; i < 20; i++) {
        await room.ip("route", i % 2 === 0 ? "add" : "del", "172.17.202.9/32", "dev", "calib");
        wanted.push(`${i % 2 === 0 ? "+" : "-"}172.17.202.9/32`);
        await lab.until(`change ${i + 1} is told`, () => told.length > i, { everyMs: 1 });
      }
      t.comment(`20 changes heard in ${watch}, starting \`ip\` included`);
      t.same(told.splice(0), wanted);
      t.equal(room.fib.counters.resyncs, resyncs, "the kernel was not read for it");
    });
    await step("it is taken back when the route, the link, or the workload goes", async (t) => {
      await room.ip("route", "del", "172.17.200.5/32");
      await lab.until("told", () => told.includes("-172.17.200.5/32"));
      await room.ip("route", "add", "172.17.200.5/32", "dev", "calib");
      await lab.until("told", () => told.includes("+172.17.200.5/32"));
      told.splice(0);
      await room.ip("link", "del", "calib");
      await lab.until("told", () => told.length === 2);
      t.same(told.sort(), ["-172.17.200.5/32", "-fd17::5/128"]);
    });
    await step("when the blocks change, what they covered is told", async (t) => {
      told.splice(0);
      workloads.setBlocks([]);
      t.same(told, ["+172.17.8.2/32"]);
    });
  } finally {
    workloads.close();
    await room.fib.close(false);
  }
});
