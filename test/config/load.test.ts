import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import t, { type Test } from "tap";
import { formatEffective } from "../../src/config/effective.ts";
import { loadConfig, parseConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/model.ts";
import { formatReference, insertReference } from "../../src/config/reference.ts";
import { hashedId } from "../../src/config/resolve-router.ts";
import { fileSchema } from "../../src/config/schema.ts";
import { referenceOf, shapeOf } from "../../src/config/schema-kit.ts";
import { Family } from "../../src/lib/family.ts";
import { minimal, onInterface, parse, testHost } from "./support.ts";

const neighbor = (text: string, more = "") =>
  parse(`${minimal}neighbors:\n  - {address: 192.0.2.1, remote-as: internal, ${text}}\n${more}`).neighbors[0]!;

t.test("a router with an AS and an id has every default of the reference", async (t) => {
  const config = parse(minimal);
  t.match(config.router, {
    as: 65001,
    routerId: "10.0.0.7",
    clusterId: "10.0.0.7",
    listen: { addresses: ["0.0.0.0", "::"], port: 179 },
    bestPath: { alwaysCompareMed: false, deterministicMed: true },
    selectionDeferralSeconds: 60,
  });
  t.match(config.kernel, { fib: "kernel", table: 254, protocol: 186, metric: 32, maximumPaths: 1, keepOnExit: true });
  t.same(config.telemetry, { metrics: null, web: null, bmp: [], mrt: null, log: { format: "text", level: "info" } });
  t.equal(config.topology.mode, "none");
  t.equal(config.control.socket, "/run/peerage/peerage.sock");
  t.same(config.warnings, []);
});

t.test(
  "a neighbor with an AS alone: hold time 90, a third for keepalives, helper and restarter, the family of its address",
  async (t) => {
    t.match(neighbor(""), {
      address: "192.0.2.1",
      kind: "internal",
      remoteAs: 65001,
      localAs: 65001,
      port: 179,
      ttl: 255,
      passive: false,
      timers: {
        holdTimeSeconds: 90,
        keepaliveSeconds: 30,
        connectRetrySeconds: 5,
        advertisementIntervalSeconds: 0,
        delayOpenSeconds: 0,
        sendHoldSeconds: null,
      },
      families: [{ maximumPrefix: null }, null],
      gracefulRestart: { restarter: true, restartTimeSeconds: 120, stalePathTimeSeconds: 300, longLivedSeconds: 0 },
      nextHop: "default",
      enforceFirstAs: true,
      importPolicy: null,
    });
    t.equal(neighbor("timers: {hold-time: 10}").timers.keepaliveSeconds, 3);
    t.equal(neighbor("timers: {send-hold-time: 120}").timers.sendHoldSeconds, 120, "RFC 9687");
    t.equal(
      neighbor("timers: {hold-time: 0}").timers.keepaliveSeconds,
      0,
      "hold time 0: no keepalives (RFC 4271 §4.4)",
    );
    t.equal(neighbor("graceful-restart: false").gracefulRestart, null);
    t.equal(neighbor("", "kernel: {keep-on-exit: false}\n").gracefulRestart?.restarter, false, "a helper only");
    t.equal(neighbor("", "kernel: {keep-on-exit: false, fib: none}\n").gracefulRestart?.restarter, true);
  },
);

t.test("limits: sizes are written with their unit, and have defaults", async (t) => {
  const limits = (text: string) => parse(`router: {as: 65001, router-id: 10.0.0.1}\n${text}`).limits;
  t.same(limits(""), {
    memory: "auto",
    memoryPerPeer: "none",
    halfOpen: 1000,
    pathsPerPrefix: 1024,
    announced: 100_000,
  });
  t.same(limits("limits: {memory: 1GiB, memory-per-peer: 64 MiB, half-open: 10}"), {
    memory: 2 ** 30,
    memoryPerPeer: 2 ** 26,
    halfOpen: 10,
    pathsPerPrefix: 1024,
    announced: 100_000,
  });
  for (const bad of ["memory: 1000000", "memory: 1GB", "memory: 512KiB", "memory-per-peer: auto", "half-open: 0"])
    t.throws(() => limits(`limits: {${bad}}`), /must be/, bad);
  t.throws(() => limits("limits: {memory: 1GiB, memory-per-peer: 2GiB}"), /must not be more than limits.memory/);
});

t.test("the example of the contract between us and other tools is read whole", async (t) => {
  const config = loadConfig("test/config/every-key.yaml", testHost([onInterface("eth0", "10.0.0.7")]));
  const border = config.neighbors[0]!;
  t.match(border, {
    address: "192.168.1.1",
    kind: "external",
    remoteAs: 64500,
    localAs: 64999,
    localAddress: "192.168.1.10",
    ttl: 2,
    nextHop: "self",
    addPath: { send: 2, receive: true },
    role: "customer",
  });
  t.equal(border.password?.reveal(), "s3cret", "one trailing newline is cut");
  t.equal(config.router.address, "10.0.0.7");
  t.same(config.workloads[0]?.interfaces, ["cali*"]);
  t.match(config.dynamicNeighbors[0], {
    range: "192.168.1.0/24",
    limit: 500,
    passive: true,
    routeReflectorClient: true,
  });
  t.same(
    config.policies["accept-blocks"]?.terms.map((term) => [term.verdict, term.match.prefixLists, term.place.line]),
    [
      ["accept", ["blocks"], 60],
      ["reject", null, 62],
    ],
  );
});

t.test(
  "a neighbor overrides its group leaf by leaf; lists, families and alternatives replace as a whole",
  async (t) => {
    const group = `peer-groups:
  g:
    remote-as: internal
    timers: {hold-time: 30, connect-retry: 9}
    address-families: {ipv4-unicast: {maximum-prefix: 10}, ipv6-unicast: {}}
    drop-attributes: [20, 21]
    add-path: {send: all}
    next-hop-self: force
    ttl-security: 1
`;
    const with_ = (text: string) =>
      parse(`${minimal}${group}neighbors:\n  - {address: 192.0.2.1, peer-group: g, ${text}}\n`).neighbors[0]!;
    t.match(with_("timers: {hold-time: 60}").timers, {
      holdTimeSeconds: 60,
      keepaliveSeconds: 20,
      connectRetrySeconds: 9,
    });
    t.same(with_("address-families: {ipv6-unicast: }").families, [null, { maximumPrefix: null }]);
    t.match(with_("").families[Family.Ipv4Unicast]?.maximumPrefix, { limit: 10, action: "restart" });
    t.same(with_("drop-attributes: 128").dropAttributes, [128]);
    t.same(with_("add-path: {receive: true}").addPath, { send: "all", receive: true });
    t.equal(with_("").nextHop, "force-self");
    t.equal(with_("next-hop-unchanged: true").nextHop, "unchanged");
    t.match(with_("remote-as: external, multihop: 3"), { ttl: 3, ttlSecurity: null });
    t.match(with_("remote-as: external"), { ttl: 1, ttlSecurity: 1 });
  },
);

t.test("an AS number is a number, a quoted one or asdot in quotes (RFC 5396)", async (t) => {
  for (const [text, as] of [
    ["4200000000", 4200000000],
    ['"4200000000"', 4200000000],
    ['"1.10"', 65546],
    ['"0.65001"', 65001],
  ] as const)
    t.equal(parse(`router: {as: ${text}, router-id: 10.0.0.7}\n`).router.as, as, text);
});

t.test(
  "a secret shows nowhere: not as text, not as JSON, not when inspected, not in the effective config",
  async (t) => {
    const text = `${minimal}neighbors:\n  - {address: 192.0.2.1, remote-as: internal, password: {env: BGP_KEY}}\n`;
    const config = parse(text, testHost([], { BGP_KEY: "s3cret" }));
    t.equal(config.neighbors[0]!.password?.reveal(), "s3cret");
    const shown = [
      JSON.stringify(config),
      inspect(config, { depth: 9, showHidden: true }),
      `${config.neighbors[0]!.password}`,
      formatEffective(config),
    ];
    for (const view of shown) t.notMatch(view, /s3cret/);
    t.match(formatEffective(config), /password:\n +env: BGP_KEY/);
  },
);

t.test("a secret that everybody can read gets a warning", async (t) => {
  const host = { ...testHost(), isWorldReadable: () => true };
  const text = `${minimal}neighbors:\n  - {address: 192.0.2.1, remote-as: internal, password: {file: broken/bgp-password}}\n`;
  t.match(parse(text, host).warnings[0]?.message, /Everybody on this machine can read/);
});

t.test("an external peer without policies gets a warning (RFC 8212), an internal one none", async (t) => {
  const text = `${minimal}policies: {all: [{then: accept}]}
neighbors:
  - {address: 192.0.2.1, remote-as: external}
  - {address: 192.0.2.2, remote-as: external, import-policy: all}
  - {address: 192.0.2.3, remote-as: external, import-policy: all, export-policy: all}
  - {address: 192.0.2.4, remote-as: internal}
`;
  t.same(
    parse(text).warnings.map(({ message }) => message),
    [
      'Without import-policy and export-policy the external neighbor "192.0.2.1" is neither listened to nor told anything (RFC 8212)',
      'Without export-policy the external neighbor "192.0.2.2" is told nothing (RFC 8212)',
    ],
  );
});

t.test("the longest range comes first, whatever the order in the file", async (t) => {
  const config = parse(`${minimal}dynamic-neighbors:
  - {range: 10.0.0.0/8, remote-as: internal}
  - {range: 10.1.0.0/16, remote-as: internal, description: rack}
  - {range: "2001:db8::/32", remote-as: internal}
`);
  t.same(
    config.dynamicNeighbors.map(({ range }) => range),
    ["2001:db8::/32", "10.1.0.0/16", "10.0.0.0/8"],
  );
});

t.test("router.address finds the node's own address, and never a container's or a tunnel's", async (t) => {
  const host = testHost([
    onInterface("lo", "127.0.0.1"),
    onInterface("docker0", "172.17.0.1"),
    onInterface("cali123", "169.254.1.1"),
    onInterface("tunl0", "10.233.2.1"),
    onInterface("eth0", "fe80::1"),
    onInterface("eth0", "192.168.1.10"),
    onInterface("eth0", "2001:db8::10"),
    onInterface("eth1", "10.9.0.1"),
  ]);
  const address = (text: string) => parse(`router: {as: 65001, ${text}}\n`, host).router;
  t.match(address("address: {method: first-found}, address6: {method: first-found}"), {
    address: "192.168.1.10",
    address6: "2001:db8::10",
    routerId: "192.168.1.10",
    routerIdFrom: "address",
  });
  t.equal(address("address: {interface: eth1}").address, "10.9.0.1");
  t.equal(address("address: {cidr: 10.9.0.0/16}").address, "10.9.0.1");
  t.equal(address("address: 192.0.2.7").routerId, "192.0.2.7");
  t.match(address("router-id: auto"), { address: null, routerId: "192.168.1.10" }, "auto asks the machine");
  const missing = parse("router: {as: 65001, router-id: 10.0.0.7, address: {interface: eth7}}\n", host);
  t.equal(missing.router.address, null);
  t.match(missing.warnings[0]?.message, /No interface of this machine/);
});

t.test("a router id by hash is the same wherever the name is, and an address that no rule forbids", async (t) => {
  t.equal(parse("router: {as: 65001, router-id: hash, name: node-9}\n").router.routerId, hashedId("node-9"));
  t.not(hashedId("node-9"), hashedId("node-10"));
  for (let i = 0; i < 200; i++) {
    const first = Number(hashedId(`node-${i}`).split(".")[0]);
    t.ok(first > 0 && first < 224 && first !== 127, `node-${i}`);
  }
  const lonely = parse("router: {as: 65001}\n");
  t.equal(lonely.router.routerIdFrom, "name");
  t.match(lonely.warnings[0]?.message, /no IPv4 address for router-id: auto/);
});

// Inventory ----------------------------------------------------------------------------------------------------------

const nodes = `nodes:
  - {name: r1, address: 10.0.0.1, rack: a, role: reflector}
  - {name: r2, address: 10.0.0.2, rack: b, role: reflector, as: 65002}
  - {name: a1, address: 10.0.1.1, address6: "2001:db8::1:1", rack: a, blocks: [172.17.8.0/24], port: 1790}
  - {name: a2, address: 10.0.1.2, address6: "2001:db8::1:2", rack: a, blocks: 172.17.9.0/24}
  - {name: b1, address: 10.0.2.1, rack: b, as: 65002}
  - {name: c1, address: 10.0.3.1, rack: c, as: 65001}
`;

function inInventory(t: Test, self: string, text: string): Config {
  const directory = t.testdir({ "nodes.yaml": nodes });
  return parseConfig(text.replace("SELF", self), join(directory, "peerage.yaml"), testHost());
}

t.test(
  "a mesh is a session with every other node and family, and of two nodes the higher address is passive",
  async (t) => {
    const text =
      "router: {as: 65001, name: SELF}\ntopology: {mode: mesh, inventory: {file: nodes.yaml}}\npeer-groups: {mesh: {timers: {hold-time: 9}}}\n";
    const config = inInventory(t, "a1", text);
    t.same(
      config.neighbors.map((peer) => [
        peer.address,
        peer.kind,
        peer.remoteAs,
        peer.passive,
        peer.localAddress,
        peer.port,
      ]),
      [
        ["10.0.0.1", "internal", 65001, true, "10.0.1.1", 179],
        ["10.0.0.2", "external", 65002, true, "10.0.1.1", 179],
        ["10.0.1.2", "internal", 65001, false, "10.0.1.1", 179],
        ["2001:db8::1:2", "internal", 65001, false, "2001:db8::1:1", 179],
        ["10.0.2.1", "external", 65002, false, "10.0.1.1", 179],
        ["10.0.3.1", "internal", 65001, false, "10.0.1.1", 179],
      ],
    );
    t.ok(config.neighbors.every((peer) => peer.timers.holdTimeSeconds === 9 && peer.peerGroup === "mesh"));
    t.match(config.neighbors[2], { node: "a2", blocks: ["172.17.9.0/24"], description: "a2", source: "inventory" });
    t.same(
      [config.router.address, config.router.address6, config.router.routerId],
      ["10.0.1.1", "2001:db8::1:1", "10.0.1.1"],
    );
    const other = inInventory(t, "a2", text).neighbors.find((peer) => peer.address === "10.0.1.1");
    t.match(other, { passive: true, port: 1790 }, "the other side waits, and knows the port");
  },
);

t.test("in reflector mode exactly those sessions exist that both sides want", async (t) => {
  const text = "router: {name: SELF, as: AS}\ntopology: {mode: reflector, inventory: {file: nodes.yaml}}\n";
  const wanted = new Map<string, string[]>();
  for (const [name, as] of [
    ["r1", 65001],
    ["r2", 65002],
    ["a1", 65001],
    ["a2", 65001],
    ["b1", 65002],
    ["c1", 65001],
  ] as const) {
    const config = inInventory(t, name, text.replace("AS", String(as)));
    wanted.set(
      name,
      config.neighbors.map((peer) => `${peer.node}${peer.routeReflectorClient ? " client" : ""}`),
    );
  }
  t.same(Object.fromEntries(wanted), {
    r1: ["r2", "a1 client", "a2 client", "c1 client"],
    r2: ["r1", "b1 client", "c1"],
    a1: ["r1"],
    a2: ["r1"],
    b1: ["r2"],
    c1: ["r1", "r2"],
  });
  for (const [name, peers] of wanted)
    for (const peer of peers)
      t.ok(
        wanted.get(peer.split(" ")[0]!)?.some((other) => other.startsWith(name)),
        `${name} - ${peer}`,
      );
});

t.test("the own entry is found by address before name, and gives the AS; its blocks can be originated", async (t) => {
  const text =
    "router: {address: 10.0.2.1, name: a1}\ntopology: {mode: mesh, inventory: {file: nodes.yaml}}\noriginate: [{inventory-blocks: true, blackhole: true}]\n";
  const config = inInventory(t, "", text);
  t.match(config.router, { as: 65002, name: "b1" });
  t.same(config.originate, []);
  const a1 = inInventory(t, "a1", text.replace("address: 10.0.2.1, ", "as: 65001, "));
  t.match(a1.originate, [{ prefix: "172.17.8.0/24", blackhole: true }]);
});

t.test("a listed neighbor beats the one that the inventory implies, and knows its blocks", async (t) => {
  const config = inInventory(
    t,
    "a1",
    "router: {as: 65001, name: SELF}\ntopology: {mode: mesh, inventory: {file: nodes.yaml}}\nneighbors: [{address: 10.0.1.2, remote-as: internal, passive: true}]\n",
  );
  const both = config.neighbors.filter((peer) => peer.address === "10.0.1.2");
  t.match(both, [{ source: "listed", passive: true, blocks: ["172.17.9.0/24"], node: "a2" }]);
});

t.test(
  "a node without AS beside nodes of other ASes gets a warning: each reader would take it for its own",
  async (t) => {
    const config = inInventory(t, "a1", "router: {as: 65001, name: SELF}\ntopology: {inventory: {file: nodes.yaml}}\n");
    t.same(
      config.warnings.map(({ place, message }) => `${place.line}: ${message}`),
      ["2", "4", "5"].map(
        (line, i) =>
          `${line}: Node "${["r1", "a1", "a2"][i]}" has no AS and is taken for one of ours (65001), though other nodes have another`,
      ),
    );
  },
);

t.test("tunnels without router.address get a warning at the first of them, since none is made", async (t) => {
  const tunnels = "tunnels: [{kind: ipip, when: always}]\n";
  t.match(parse(`${minimal}${tunnels}`).warnings, [
    { message: /^No tunnel is made without router\.address/, place: { line: 2, column: 11 } },
  ]);
  const addressed = "router: {as: 65001, address: 10.0.0.7}\n";
  t.same(parse(`${addressed}${tunnels}`).warnings, []);
  t.same(parse(`${minimal}kernel: {fib: memory}\n${tunnels}`).warnings, [], "nor is one with another FIB, ever");
});

t.test("a mesh above its size gets a warning with the figures", async (t) => {
  const config = inInventory(
    t,
    "a1",
    "router: {as: 65001, name: SELF}\ntopology: {mode: mesh, mesh-warn-above: 5, inventory: {file: nodes.yaml}}\n",
  );
  t.match(
    config.warnings.map(({ message }) => message).join("\n"),
    /A mesh of 6 nodes has 15 sessions, 5 on each node; two reflectors would need 9/,
  );
});

// Files that are shipped ---------------------------------------------------------------------------------------------

const samples = readdirSync("config").filter((name) => name.endsWith(".yaml") && name !== "nodes.yaml");

t.test("what this version does not act on yet is warned of where it stands", async (t) => {
  const { warnings } = parse(`${minimal}telemetry:\n  web: {listen: ":2"}\n  bmp: [{connect: "10.0.0.1:5000"}]\n`);
  t.match(warnings, [
    { place: { line: 3, column: 3 }, message: /^telemetry\.web is read/ },
    { place: { line: 4, column: 3 }, message: /^telemetry\.bmp is read/ },
  ]);
});

t.test("the sample configs are valid and say nothing that needs a warning", async (t) => {
  t.same(samples.toSorted(), ["mesh.yaml", "node.yaml", "rack-border.yaml", "rack-reflector.yaml"]);
  for (const name of samples) t.same(loadConfig(`config/${name}`, testHost()).warnings, [], name);
});

t.test("reading the effective config gives the same config", async (t) => {
  const plain = ({ file: _, warnings: __, inventory: ___, ...config }: Config) =>
    JSON.parse(
      JSON.stringify(config, (key, value) =>
        key === "place" || key === "source" || key === "routerIdFrom" ? undefined : value,
      ),
    );
  const host = testHost([onInterface("eth0", "10.0.0.7")]);
  for (const file of [...samples.map((name) => `config/${name}`), "test/config/every-key.yaml"]) {
    const config = loadConfig(file, host);
    t.same(plain(parseConfig(formatEffective(config), file, host)), plain(config), file);
  }
});

t.test("docs/configuration.md names every key as the schema does", async (t) => {
  const page = readFileSync("docs/configuration.md", "utf8");
  t.equal(page, insertReference(page), "node dist/src/config/write-reference.js brings it up to date");
  t.match(formatReference(), /\| `timers.hold-time` \||`NAME.timers.hold-time`/);
});

t.test("the defaults that the reference names are those that hold", async (t) => {
  type Tree = { [key: string]: unknown };
  /** What a section needs before a key of it means anything, by its path. */
  const needed: Readonly<Record<string, Tree>> = {
    router: { as: 65001 },
    neighbors: { address: "192.0.2.1", "remote-as": "internal" },
    "telemetry.metrics": { listen: ":1" },
    "telemetry.web": { listen: ":2" },
    "telemetry.mrt": { directory: "mrt" },
    "neighbors.address-families.ipv4-unicast.maximum-prefix": { limit: 1 },
    "neighbors.address-families.ipv6-unicast.maximum-prefix": { limit: 1 },
  };
  /** A config in which `path` is there, and its last key has `value` (undefined: only what is above it exists). */
  const shown = (path: readonly string[], value: unknown) => {
    const top: Tree = { router: { ...needed.router } };
    let at = top;
    for (const [i, key] of path.entries()) {
      if (i === path.length - 1) {
        if (value !== undefined) at[key] = value;
        continue;
      }
      const inner: Tree = { ...needed[path.slice(0, i + 1).join(".")], ...(at[key] as Tree | undefined) };
      at[key] = i === 0 && key === "neighbors" ? [inner] : inner;
      at = inner;
    }
    return JSON.stringify(parse(JSON.stringify(top)), (key, inner) =>
      key === "place" || key === "warnings" ? undefined : inner,
    );
  };
  let tried = 0;
  const walk = (schema: Parameters<typeof shapeOf>[0], path: readonly string[]): void => {
    for (const [key, inner] of Object.entries(shapeOf(schema).keys ?? {})) {
      const fallback = referenceOf(inner)?.fallback ?? "";
      const here = [...path, key];
      walk(inner, here);
      // Those in words ("that of its inventory entry") have tests of their own.
      if (!/^(\d+|true|false|\[.*\]|""|[a-z]+(-[a-z]+)*|\/\S+)$/.test(fallback) || ["none", "off"].includes(fallback))
        continue;
      tried++;
      const value = /^[a-z/]/.test(fallback) && !/^(true|false|null)$/.test(fallback) ? fallback : JSON.parse(fallback);
      t.equal(shown(here, value), shown(here, undefined), `${here.join(".")}: ${fallback}`);
    }
  };
  const keys = shapeOf(fileSchema).keys!;
  for (const section of ["router", "topology", "kernel", "telemetry", "control"]) walk(keys[section]!, [section]);
  walk(shapeOf(keys.neighbors!).each!, ["neighbors"]);
  t.ok(tried > 40, `${tried} defaults tried`);
});
