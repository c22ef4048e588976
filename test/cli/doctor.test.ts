import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { type DoctorOptions, doctor } from "../../src/cli/doctor/doctor.ts";
import type { Finding, HostProbe } from "../../src/cli/doctor/probe.ts";
import { thisProbe } from "../../src/cli/doctor/probe.ts";
import type { CliIo } from "../../src/cli/io.ts";
import { serve } from "../support/control-socket.ts";
import { FakeSpeaker, fibRow, neighbor } from "../support/fake-speaker.ts";

/** A host in good order, as far as a test doesn't say otherwise. */
function host(files: Record<string, string | null> = {}, more: Partial<HostProbe> = {}): HostProbe {
  const all: Record<string, string | null> = {
    "/proc/self/status": "Name:\tnode\nCapEff:\t0000000000001400\n",
    "/proc/self/limits":
      "Limit  Soft  Hard  Units\nMax open files            65536                1048576              files\n",
    "/proc/sys/net/ipv4/ip_forward": "1",
    "/proc/sys/net/ipv6/conf/all/forwarding": "1",
    "/proc/sys/net/ipv4/conf/all/rp_filter": "0",
    "/proc/sys/net/ipv4/conf/eth0/rp_filter": "0",
    "/proc/sys/net/ipv4/conf/eth1/rp_filter": "2",
    "/proc/sys/net/core/optmem_max": "81920",
    "/proc/net/if_inet6": "fe80...",
    "/proc/net/netstat":
      "TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPMinTTLDrop\nTcpExt: 7 0 0 0 0",
    "/sys/class/net/eth0/mtu": "1500",
    "/sys/class/net/eth0/device/vendor": "x",
    "/sys/class/net/lo/mtu": "65536",
    ...files,
  };
  return {
    text: (path) => all[path] ?? undefined,
    list: (path) => {
      const below = Object.keys(all).filter((name) => name.startsWith(`${path}/`) && all[name] !== null);
      return [...new Set(below.map((name) => name.slice(path.length + 1).split("/")[0]!))];
    },
    tryListen: async () => undefined,
    addresses: () => ["127.0.0.1", "10.0.0.7"],
    nodeVersion: "20.11.0",
    superuser: false,
    wallTime: () => Date.parse("2026-11-21T09:00:00Z"),
    pause: async () => {},
    ...more,
  };
}

/** What the doctor finds: the outcome and the checks, by name and status. */
async function examine(probe: HostProbe, options: DoctorOptions = {}) {
  let out = "";
  const io: CliIo = {
    async out(text) {
      out += text.toString();
    },
    err() {},
    environment: () => undefined,
  };
  const socket = options.socket ?? "/nonexistent/s";
  const code = await doctor({ json: true, socket, ...options }, io, probe);
  const { healthy, checks } = JSON.parse(out) as { healthy: boolean; checks: Finding[] };
  const bad = checks.filter(({ status, name }) => status !== "ok" && name !== "daemon");
  return { code, healthy, checks, bad: bad.map(({ status, name, text }) => `${status} ${name}: ${text}`) };
}

function config(t: Test, text: string): string {
  const file = join(t.testdir({ "p.yaml": `router: {as: 65001, router-id: 10.0.0.7}\n${text}` }), "p.yaml");
  return file;
}

t.test("a host in good order is healthy: 0, and each check says so", async (t) => {
  const { code, healthy, bad, checks } = await examine(host());
  t.same({ code, healthy, bad }, { code: 0, healthy: true, bad: [] });
  for (const name of [
    "node",
    "capabilities",
    "ports",
    "forwarding",
    "rp_filter",
    "mtu",
    "ipv6",
    "optmem_max",
    "open-files",
    "tcp",
    "time",
  ])
    t.ok(
      checks.some((check) => check.name === name),
      name,
    );
  t.ok(
    checks.every((check) => (check.status === "ok") === (check.remedy === null)),
    "who complains says what to do",
  );
});

for (const [name, probe, wanted, code] of [
  ["an old Node.js", host({}, { nodeVersion: "18.19.0" }), ["fail node: Node.js 18.19.0 is too old"], 3],
  [
    "no CAP_NET_ADMIN",
    host({ "/proc/self/status": "CapEff:\t0000000000000400" }),
    ["fail capabilities: Kernel routes may not be written: CAP_NET_ADMIN is missing"],
    3,
  ],
  [
    "a port that is taken",
    host({}, { tryListen: async (address) => (address === "::" ? undefined : "EADDRINUSE") }),
    ["fail ports: Somebody else listens on 0.0.0.0 port 179"],
    3,
  ],
  [
    "a port below 1024 without the capability",
    host({ "/proc/self/status": "CapEff:\t0000000000001000" }, { tryListen: async () => "EACCES" }),
    [
      "fail ports: 0.0.0.0 port 179 may not be used: CAP_NET_BIND_SERVICE is missing",
      "fail ports: :: port 179 may not be used: CAP_NET_BIND_SERVICE is missing",
    ],
    3,
  ],
  [
    "no IPv6",
    host(
      { "/proc/net/if_inet6": null },
      { tryListen: async (address) => (address === "::" ? "EAFNOSUPPORT" : undefined) },
    ),
    [
      "warn ports: This host speaks no IPv6, so nobody is heard on :: port 179",
      "warn ipv6: This host speaks no IPv6, and the config uses it",
    ],
    0,
  ],
  [
    "no forwarding",
    host({ "/proc/sys/net/ipv4/ip_forward": "0" }),
    ["warn forwarding: This host forwards no IPv4: packets for its workloads end here"],
    0,
  ],
  [
    "strict reverse path filtering",
    host({ "/proc/sys/net/ipv4/conf/eth0/rp_filter": "1" }),
    [
      "warn rp_filter: Strict reverse path filtering on eth0 drops packets that come in by another way than answers leave",
    ],
    0,
  ],
  [
    "interfaces of different MTU",
    host({ "/sys/class/net/eth9/mtu": "9000", "/sys/class/net/eth9/device/vendor": "x" }),
    ["warn mtu: Interfaces differ in MTU: eth0 1500, eth9 9000"],
    0,
  ],
  [
    "a clock that was never set",
    host({}, { wallTime: () => 0 }),
    ["warn time: The clock of this host says 1970-01-01T00:00:00.000Z"],
    0,
  ],
] as const)
  t.test(`${name} is found, with 3 if a speaker can't work so`, async (t) => {
    const found = await examine(probe);
    t.same(found.bad, wanted);
    t.equal(found.code, code);
  });

/** A host that dropped 12 segments before the doctor came, and drops `more` while it looks. */
function dropping(more: number): HostProbe {
  let count = 12;
  const before = host();
  const pause = async (ms: number) => {
    if (ms === 3000) count += more;
  };
  const text = (path: string) =>
    path === "/proc/net/netstat" ? `TcpExt: A TCPMD5Failure\nTcpExt: 1 ${count}` : before.text(path);
  return { ...before, text, pause };
}

t.test("segments with a wrong signature are a fault while they come, or while a neighbor is down", async (t) => {
  const growing = await examine(dropping(2));
  t.same(growing.bad, [
    "warn tcp: The kernel drops segments with a wrong TCP MD5 signature: the passwords differ (TCPMD5Failure): 2 in the last 3 s, 14 since boot",
  ]);
  const past = await examine(dropping(0));
  const since =
    "The kernel dropped 12 segments with a wrong TCP MD5 signature: the passwords differ (TCPMD5Failure) since boot, none in the last 3 s";
  t.same(past.bad, [], "of long ago");
  t.match(
    past.checks.filter(({ name }) => name === "tcp"),
    [{ status: "ok", text: since }],
  );
  const speaker = new FakeSpeaker();
  speaker.details = [neighbor({ address: "10.0.0.9", state: "Active" })];
  const { socket } = await serve(t, {}, speaker);
  const down = await examine(dropping(0), { socket });
  t.same(down.bad.slice(0, 1), [`warn tcp: ${since}; a neighbor is down`]);
});

t.test("strict filtering counts where the larger of the two settings is 1, as the kernel takes it", async (t) => {
  const strict = await examine(host({ "/proc/sys/net/ipv4/conf/all/rp_filter": "1" }));
  t.match(strict.bad[0], /on eth0 drops/, "eth1 is loose: 2 beats 1");
});

t.test("a config is held against the host: addresses, MD5 keys, files, ranges, cluster-id, tunnels", async (t) => {
  const file = config(
    t,
    `kernel: {fib: kernel}
peer-groups:
  clients: {remote-as: internal, route-reflector-client: true, password: {file: key}}
neighbors:
${Array.from({ length: 600 }, (_, i) => `  - {address: 10.1.${i >> 8}.${i & 255}, peer-group: clients, local-address: 10.0.0.9}\n`).join("")}
dynamic-neighbors:
  - {range: 10.2.0.0/16, remote-as: internal, limit: 500}
tunnels: [{kind: vxlan, vni: 7, mtu: 1500}]
`,
  );
  writeFileSync(join(file, "..", "key"), "secret\n", { mode: 0o600 });
  const { bad, code } = await examine(
    host({ "/proc/self/limits": "Max open files            1024                 1024                 files" }),
    { config: file },
  );
  t.equal(code, 3);
  t.same(
    bad.filter((text) => !text.includes("this version does nothing with it yet")),
    [
      `warn config: ${file}:609:11: No tunnel is made without router.address: it is their near end`,
      "fail addresses: This host has no address 10.0.0.9, but the config says so",
      "warn maximum-prefix: Any member of the range 10.2.0.0/16 may send any number of prefixes (ipv4-unicast)",
      "warn open-range: Any host in 10.2.0.0/16 may announce any prefix",
      "warn mtu: The MTU of vxlan.bgp is 1500, more than the 1450 that fit through eth0",
      "fail optmem_max: 600 TCP MD5 keys don't fit: net.core.optmem_max of 81920 octets holds about 512 on one listening socket",
      "fail open-files: 1024 files may be open, 1100 peers may need 2264",
    ],
  );
});

t.test("a reflector that only reflects needs no kernel: no capability, no forwarding, no MTU", async (t) => {
  const file = config(t, "kernel: {fib: none}\n");
  const { bad, code } = await examine(
    host({ "/proc/self/status": "CapEff:\t0000000000000400", "/proc/sys/net/ipv4/ip_forward": "0" }),
    { config: file },
  );
  t.same({ bad, code }, { bad: [], code: 0 });
});

t.test("a shared cluster-id gets its warning on a reflector", async (t) => {
  const directory = t.testdir({
    "p.yaml":
      "router: {as: 65001, router-id: 10.0.0.7, cluster-id: 10.0.0.250}\nneighbors: [{address: 10.0.0.1, remote-as: internal, route-reflector-client: true}]\n",
  });
  const { bad } = await examine(host(), { config: join(directory, "p.yaml") });
  t.match(bad, [/^warn cluster-id: The cluster-id 10\.0\.0\.250 may be shared/]);
});

t.test("the doctor says what a mesh costs, above its limit as a warning", async (t) => {
  const nodes = "nodes: [{name: a, address: 10.0.0.7}, {name: b, address: 10.0.0.8}, {name: c, address: 10.0.0.9}]\n";
  const of = async (limit: number) => {
    const text = `router: {as: 65001, name: a}\ntopology: {mode: mesh, mesh-warn-above: ${limit}, inventory: {file: n.yaml}}\n`;
    const directory = t.testdir({ "p.yaml": text, "n.yaml": nodes });
    const { checks } = await examine(host(), { config: join(directory, "p.yaml") });
    return checks
      .filter((check) => check.text.includes("A mesh of 3 nodes has 3 sessions"))
      .map(({ status }) => status);
  };
  t.same([await of(3), await of(2)], [["ok"], ["warn"]]);
});

t.test("a broken config is found with every fault at its place", async (t) => {
  const { bad, code } = await examine(host(), { config: "test/config/broken/01-timers.yaml" });
  t.equal(code, 3);
  t.equal(bad.length, 4);
  t.match(bad[0], /^fail config: test\/config\/broken\/01-timers\.yaml:9:18: Cannot use hold-time/);
});

t.test(
  "a running daemon is asked: neighbors that are down, routes that the kernel doesn't have, and whose they are",
  async (t) => {
    const speaker = new FakeSpeaker();
    speaker.details = [neighbor(), neighbor({ address: "10.0.0.9", state: "Active" })];
    speaker.fibRows = [
      [
        fibRow(),
        ...["10", "11", "12", "13"].map((octet) =>
          fibRow({ prefix: `172.17.${octet}.0/24`, state: "overridden", owner: "static" }),
        ),
        fibRow({ prefix: "172.17.14.0/24", state: "overridden", owner: "boot" }),
        fibRow({ prefix: "172.17.20.0/24", state: "failed", error: "Nexthop has invalid gateway" }),
      ],
    ];
    const tunnel = { device: "vxlan.bgp", kind: "vxlan", usable: true, problem: null } as const;
    speaker.tunnelRows = [
      tunnel,
      { ...tunnel, device: "vxlan.a", problem: "has MTU 1300, 1450 is wanted" },
      {
        ...tunnel,
        device: "vxlan.b",
        usable: false,
        problem: "exists with other settings and is left alone: VNI 7, not 8",
      },
    ];
    const { socket } = await serve(t, {}, speaker);
    const { bad, code, checks } = await examine(host({}, { tryListen: async () => "EADDRINUSE" }), { socket });
    t.equal(code, 3);
    t.same(bad, [
      "warn neighbors: 10.0.0.9 is Active",
      "warn kernel: 172.17.10.0/24, 172.17.11.0/24, 172.17.12.0/24 and 1 more: the kernel has a route of static in our place",
      "warn kernel: 172.17.14.0/24: the kernel has a route added by hand or at boot (proto boot) in our place",
      "fail kernel: 172.17.20.0/24: the kernel refused the route (Nexthop has invalid gateway)",
      "warn tunnels: Tunnel vxlan.a: has MTU 1300, 1450 is wanted",
      "fail tunnels: Tunnel vxlan.b: exists with other settings and is left alone: VNI 7, not 8",
    ]);
    t.ok(checks.some(({ text }) => text === "vxlan.bgp is as configured"));
    t.ok(
      checks.some(({ text }) => text === "A daemon is running and holds port 179"),
      "its own port is no conflict",
    );
  },
);

t.test("a running daemon is asked who shares a router-id, and whose prefixes clash", async (t) => {
  const speaker = new FakeSpeaker();
  speaker.details = [
    neighbor({ remoteRouterId: "10.9.9.9" }),
    neighbor({ address: "10.0.0.3", remoteRouterId: "10.9.9.9" }),
    neighbor({ address: "2001:db8::3", remoteRouterId: "10.9.9.9" }),
    neighbor({ address: "10.0.0.4", remoteRouterId: "10.9.9.9", remoteAs: 65002 }),
    neighbor({ address: "10.0.0.5", remoteRouterId: "10.0.0.5" }),
  ];
  const clash = { from: "10.0.0.2", originator: "10.0.0.9", count: 1, prefixes: ["172.17.8.0/24"] };
  speaker.clashRows = [
    { ...clash, kind: "own-originator", count: 5, prefixes: ["172.17.1.0/24", "172.17.2.0/24"] },
    { ...clash, kind: "own-prefix" },
    { ...clash, kind: "two-clients" },
  ];
  const { socket } = await serve(t, {}, speaker);
  const { bad, code } = await examine(host(), { socket });
  t.equal(code, 0, "a speaker works so");
  t.same(bad, [
    "warn router-id: 10.0.0.2 and 10.0.0.3 have the same router-id 10.9.9.9: each drops the other's routes, unless they are one router",
    "warn router-id: 5 routes from 10.0.0.2 rejected since their ORIGINATOR_ID 10.0.0.9 is our router-id, but they aren't ours (172.17.1.0/24, 172.17.2.0/24 and 3 more)",
    "warn same-prefix: 172.17.8.0/24 is ours and also announced by 10.0.0.9 (heard from 10.0.0.2)",
    "warn same-prefix: 172.17.8.0/24 is announced by 10.0.0.2 and by 10.0.0.9, by each as its own",
  ]);
});

t.test("as text each check has a line, its remedy below it, and a count at the end", async (t) => {
  let out = "";
  const io: CliIo = {
    async out(text) {
      out += text.toString();
    },
    err() {},
    environment: () => undefined,
  };
  const code = await doctor({ socket: "/nonexistent/s" }, io, host({ "/proc/sys/net/ipv4/ip_forward": "0" }));
  t.equal(code, 0);
  t.match(out, /^ok {4}node +Node\.js 20\.11\.0\n/);
  t.match(
    out,
    /\nwarn {2}forwarding +This host forwards no IPv4.*\n +sysctl -w net\.ipv4\.ip_forward=1, unless it has none\n/,
  );
  t.match(out, /\n\n\d+ ok, 2 to look at, 0 wrong\n$/);
});

t.test("the probe of this machine reads what is there, and binds a port for a moment only", async (t) => {
  const probe = thisProbe();
  t.match(probe.text("/proc/self/status"), /CapEff/);
  t.equal(probe.text("/no/such/file"), undefined);
  t.same(probe.list("/no/such/directory"), []);
  t.equal(await probe.tryListen("127.0.0.1", 0), undefined);
  t.equal(await probe.tryListen("203.0.113.77", 179), "EADDRNOTAVAIL");
});
