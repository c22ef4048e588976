import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import type { ConfigErrors } from "../../src/config/errors.ts";
import { parseConfig } from "../../src/config/load.ts";
import { claim, makeRoom } from "../../src/lab/leftovers.ts";
import { planLab } from "../../src/lab/plan.ts";
import { changedFacts, factsOf, renderLab, routeLine } from "../../src/lab/screen.ts";
import { defaultTopology } from "../../src/lab/topology.ts";
import { readTopology } from "../../src/lab/topology-file.ts";
import type { Summary } from "../../src/view/model.ts";
import { fibRow } from "../support/fake-speaker.ts";

t.test("the plan has two racks of a reflector and three nodes, and every config of it passes the check", async (t) => {
  for (const stage of ["namespaces", "loopback"] as const) {
    const plan = planLab(defaultTopology, stage, "/tmp/lab");
    t.same(
      plan.hosts.map((host) => host.name),
      ["a-rr", "a-1", "a-2", "a-3", "b-rr", "b-1", "b-2", "b-3"],
    );
    for (const host of plan.hosts) {
      const config = parseConfig(host.config, `${host.name}.yaml`);
      t.equal(config.router.address, host.address);
      t.equal(config.control.socket, host.socket);
      t.same(config.warnings, [], `${host.name} on ${stage} has nothing to be warned of`);
    }
    t.equal(new Set(plan.hosts.map((host) => host.address)).size, 8, "no address twice");
  }
});

t.test("reflectors meet over eBGP on a link of their own, each with the other's AS", async (t) => {
  const plan = planLab(defaultTopology, "namespaces", "/tmp/lab");
  t.equal(plan.trunks.length, 1);
  const left = parseConfig(plan.hosts.find((host) => host.name === "a-rr")!.config, "a-rr.yaml");
  t.match(left.neighbors, [{ address: plan.trunks[0]!.right.address, remoteAs: 65002, kind: "external" }]);
});

t.test("three racks are connected each with each", async (t) => {
  const rack = (name: string, as: number, n: number) => ({
    name,
    as,
    subnet: `10.${n}.0.0/24`,
    blocks: [`172.20.${n}.0/24`],
  });
  const plan = planLab({ racks: [rack("a", 1, 1), rack("b", 2, 2), rack("c", 3, 3)] }, "namespaces", "/tmp/lab");
  t.same(
    plan.trunks.map(({ left, right }) => `${left.host} ${right.host}`),
    ["a-rr b-rr", "a-rr c-rr", "b-rr c-rr"],
  );
  t.equal(new Set(plan.trunks.flatMap(({ left, right }) => [left.address, right.address])).size, 6);
});

t.test("a topology file is read, and a wrong one is refused with every fault at its place", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "peerage-test-"));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "lab.yaml");
  writeFileSync(file, "racks: [{name: x, as: 65010, subnet: 10.1.0.0/24, blocks: [10.2.0.0/24]}]");
  t.match(readTopology(file), { racks: [{ name: "x", as: 65010 }] });
  const faults = (text: string) => {
    writeFileSync(file, text);
    try {
      readTopology(file);
    } catch (error) {
      return (error as ConfigErrors).errors.map((fault) => fault.toLine().replace(`${file}:`, ""));
    }
    throw new Error("nothing was wrong");
  };
  t.same(
    faults(
      "racks:\n  - {name: x, as: 0, subnet: 10.1.0.0/24, blocks: [10.2.0.0/16]}\n  - {name: x, blocks: [], size: 3}\n",
    ),
    [
      '2:19: Cannot use as of rack "x": must be an AS number from 1 to 4294967294 (asdot in quotes: "1.10"), found 0',
      '2:52: Cannot use blocks[0] of rack "x": must be an IPv4 /24 such as 172.17.8.0/24, found "10.2.0.0/16"',
      '3:5: Missing as of rack "x": each rack needs one',
      '3:5: Missing subnet of rack "x": each rack needs one',
      '3:12: Cannot use name of rack "x": must differ from those before, found "x"',
      '3:23: Cannot use blocks of rack "x": must have from 1 to 100 of them, found an empty list',
      `3:27: Unknown key "size" in rack "x": it isn't supported; there are name, as, subnet, blocks`,
    ],
  );
  t.same(
    faults(
      [
        "racks:",
        "  - {name: x, as: 65001, subnet: 127.1.0.0/24, blocks: [224.2.0.0/24, 169.254.1.0/24]}",
        "  - {name: y, as: 65001, subnet: 192.168.0.0/24, blocks: [10.2.0.0/24, 10.2.0.0/24]}",
      ].join("\n"),
    ),
    [
      '2:34: Cannot use subnet of rack "x": must be an IPv4 /24 such as 172.17.8.0/24, found "127.1.0.0/24"',
      '2:57: Cannot use blocks[0] of rack "x": must be an IPv4 /24 such as 172.17.8.0/24, found "224.2.0.0/24"',
      '2:71: Cannot use blocks[1] of rack "x": must be an IPv4 /24 such as 172.17.8.0/24, found "169.254.1.0/24"',
      '3:19: Cannot use as of rack "y": must differ from those before: racks speak eBGP to each other, found 65001',
      '3:34: Cannot use subnet of rack "y": must be of no other use here, found "192.168.0.0/24"',
      '3:72: Cannot use blocks[1] of rack "y": must be of no other use here, found "10.2.0.0/24"',
    ],
    "networks that no host can have, that are there twice, or that the links between reflectors take",
  );
  t.same(faults(""), ["1:1: A lab has from 1 to 16 racks, this one has 0"]);
  t.match(faults("router: {as: 1}\n"), [/This looks like a daemon's config: `peerage check`/]);
  t.match(faults("racks: ["), [/1:\d+: Cannot read this as YAML/]);
  rmSync(file);
  t.throws(() => readTopology(file), { message: `Cannot read the topology: there is no such file (${file}:1:1)` });
});

t.test("routes are shown in the lectures' form", async (t) => {
  t.equal(routeLine(fibRow({})), "172.17.9.0/24 via 192.168.100.101 dev eth0 proto bgp onlink");
  t.equal(routeLine(fibRow({ type: "blackhole", nextHops: [] })), "blackhole 172.17.9.0/24 proto bgp");
  t.match(routeLine(fibRow({ state: "failed" })), /\[failed\]$/);
  const hop = (via: string) => ({ via, dev: "eth0", onlink: true, weight: 1 });
  t.equal(
    routeLine(fibRow({ nextHops: [hop("10.0.0.1"), hop("10.0.0.2")] })),
    "172.17.9.0/24 proto bgp nexthop via 10.0.0.1 dev eth0 onlink nexthop via 10.0.0.2 dev eth0 onlink",
  );
});

t.test("only what changed is said again", async (t) => {
  const [host] = planLab(defaultTopology, "loopback", "/tmp/lab").hosts;
  const summary = (state: string) =>
    ({
      router: { as: 65001 },
      neighbors: [{ address: "127.65.1.100", state, prefixes: {}, description: "", dynamic: true }],
    }) as unknown as Summary;
  const before = factsOf([{ host: host!, summary: summary("Established"), fib: [fibRow({})] }]);
  t.same(changedFacts(before, before), []);
  const after = factsOf([{ host: host!, summary: summary("Idle"), fib: [] }]);
  t.same(changedFacts(before, after), [
    "a-rr: session with 127.65.1.100  Established -> down",
    "a-rr: - 172.17.9.0/24 via 192.168.100.101 dev eth0 proto bgp onlink",
  ]);
  t.match(renderLab([{ host: host!, summary: null, fib: null }]), /not up yet/);
});

t.test("a second lab of a kind refuses, and cleans up after one that was killed", async (t) => {
  const parent = mkdtempSync(join(tmpdir(), "peerage-test-"));
  t.teardown(() => rmSync(parent, { recursive: true }));
  const directory = join(parent, "peerage-lab-x");
  mkdirSync(directory);
  makeRoom("loopback", parent);
  t.ok(existsSync(directory), "nobody claimed it");
  claim(directory, "loopback");
  t.throws(() => makeRoom("loopback", parent), { message: new RegExp(`process ${process.pid}`) });
  makeRoom("namespaces", parent);
  t.ok(existsSync(directory), "another kind is not in the way");
  const file = join(directory, "owner.json");
  const owner = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(file, JSON.stringify({ ...owner, startTime: "1" }));
  const forever = ["-e", "setTimeout(() => {}, 600000)", "--"];
  const orphan = spawn(process.execPath, [...forever, "run", "-c", join(directory, "a-1.yaml")]);
  const reader = spawn(process.execPath, [...forever, join(directory, "a-1.log")]);
  t.teardown(() => reader.kill());
  await Promise.all([once(orphan, "spawn"), once(reader, "spawn")]);
  const ended = once(orphan, "exit");
  makeRoom("loopback", parent);
  t.same(await ended, [null, "SIGKILL"]);
  t.equal(reader.exitCode ?? reader.signalCode, null, "who only reads a log is left alone");
  t.notOk(existsSync(directory));
});
