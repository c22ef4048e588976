import { monitorEventLoopDelay } from "node:perf_hooks";
import { openFib } from "../../src/fib/open.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Family } from "../../src/lib/family.ts";
import { NextHopTracker } from "../../src/nexthop/next-hop-tracker.ts";
import { openFibOs } from "../../src/os/fib-os.ts";
import { deviceMark } from "../../src/tunnel/own-device.ts";
import { Tunnels } from "../../src/tunnel/tunnels.ts";
import { Lab } from "../../testbed/lab.ts";
import { inNamespace } from "../../testbed/namespace.ts";
import { obstacle } from "../../testbed/obstacle.ts";
import { waitFor } from "../../testbed/wait.ts";

const MARK = { table: 254, protocol: 186, metric: 32 };
const OWN = [0x0a000001];
/** 11.0.0.0/24 and what follows. */
const prefixes = {
  family: Family.Ipv4Unicast,
  word: (id: number) => (0x0b000000 + id * 256) >>> 0,
  length: () => 24,
};
const SIZES = [1000, 10_000];

type Way = "plain" | "objects" | "vxlan";

/**
 * Very many next hops with one route each: how much CPU of the daemon's thread they cost to resolve and to write, when their link flaps, when
 * another link comes and goes, and when they go; and how long the thread stands still. As root; the kernel is the real one, in a namespace.
 */
export async function nexthops(): Promise<Record<string, string>> {
  const why = obstacle([]);
  if (why !== null) return { "not possible here": why };
  const figures: Record<string, string> = {};
  for (const way of ["plain", "objects", "vxlan"] as const)
    for (const count of SIZES) figures[`${way}, ${count}`] = await one(way, count);
  return figures;
}

async function one(way: Way, count: number): Promise<string> {
  const lab = new Lab("pgn");
  try {
    const host = lab.host("n").plug(lab.switch("lan"), { addresses: ["10.0.0.1/12"] });
    const machine = openFibOs();
    const inside = <T>(body: () => T): T => inNamespace(host.namespace, body);
    const { fib, reader } = openFib({
      ...MARK,
      mode: "kernel",
      nexthopObjects: way === "objects",
      writer: "process",
      clock: systemClock,
      os: {
        ...machine,
        openNetlink: () => inside(() => machine.openNetlink()),
        openNetlinkEvents: () => inside(() => machine.openNetlinkEvents()),
        claimMark: (mark) => inside(() => machine.claimMark(mark)),
        startWriterProcess: () => inside(() => machine.startWriterProcess()),
      },
    });
    await fib.ready;
    const tunnels =
      way === "vxlan"
        ? new Tunnels({
            rules: [{ kind: "vxlan", device: "vx0", mtu: "auto", when: "always", vni: 77, port: 4789 }],
            address: OWN,
            ignoreInterfaces: [],
            mark: deviceMark(MARK),
            reader,
            devices: fib.devices,
            written: (done) => fib.barrier(done),
            log: { event: () => {} },
          })
        : null;
    const later = (work: () => void) => systemClock.defer(work);
    const tracker = new NextHopTracker(
      { resolve: true, viaDefault: false, onLink: "auto", loopback: false, ignores: () => false, tunnels },
      later,
    );
    tunnels?.onChange(() => tracker.again());
    reader.subscribe(tracker);
    if (tunnels !== null) await waitFor("the device", () => tunnels.states()[0]?.usable === true);
    const groups = new Map<number, number>();
    const written = () => new Promise<void>((done) => fib.barrier(done));
    tracker.onChange((ids) => {
      for (const id of ids) {
        const group = groups.get(id);
        const nextHops = tracker.hops(id);
        if (group !== undefined && nextHops.length > 0) fib.retarget(group, { type: "unicast", nextHops });
      }
    });
    const measured = async (act: () => Promise<unknown>): Promise<string> => {
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      const before = process.cpuUsage();
      await act();
      const { user, system } = process.cpuUsage(before);
      delay.disable();
      return `${((user + system) / 1e6).toFixed(2)} s CPU (still ${Math.round(delay.max / 1e6)} ms)`;
    };
    const all = async () => {
      await waitFor("all are in the kernel", async () => {
        await written();
        return fib.counters.installed === count;
      });
    };
    const came = await measured(async () => {
      for (let i = 0; i < count; i++) {
        const id = tracker.intern([(0x0a000100 + i) >>> 0], null);
        tracker.use(id);
        const group = fib.openGroup({ type: "unicast", nextHops: tracker.hops(id) });
        groups.set(id, group);
        fib.want(prefixes, i, group);
        if (i % 256 === 255) await new Promise<void>((done) => systemClock.defer(done));
      }
      await all();
    });
    const pod = await measured(async () => {
      await host.run("ip", "link", "add", "pod1", "type", "veth", "peer", "name", "pod2");
      await host.run("ip", "link", "set", "pod1", "up");
      await waitFor("it is known", () => reader.linkByName("pod1")?.up === true);
      await host.run("ip", "link", "del", "pod1");
      await waitFor("it is forgotten", () => reader.linkByName("pod1") === undefined);
      await written();
    });
    const flapped = await measured(async () => {
      await host.run("ip", "link", "set", "eth0", "down");
      await waitFor("it is down", () => reader.linkByName("eth0")?.up === false);
      await host.run("ip", "link", "set", "eth0", "up");
      await waitFor("it is up", () => reader.linkByName("eth0")?.running === true);
      await all();
    });
    const went = await measured(async () => {
      let i = 0;
      for (const [id, group] of groups) {
        fib.want(prefixes, i++, 0);
        fib.releaseGroup(group);
        tracker.unuse(id);
        tracker.release(id);
        if (i % 256 === 0) await new Promise<void>((done) => systemClock.defer(done));
      }
      await written();
    });
    tunnels?.close(false);
    await fib.close(false);
    return `came ${came}; another link ${pod}; flap ${flapped}; went ${went}`;
  } finally {
    lab.close();
  }
}
