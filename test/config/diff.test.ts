import t from "tap";
import { diffConfig, peerFields, takenOn } from "../../src/config/diff.ts";
import type { Config } from "../../src/config/model.ts";
import { changeReport } from "../../src/view/change-report.ts";
import { minimal, onInterface, parse, testHost } from "./support.ts";

const host = testHost([], { OLD: "old", NEW: "new", COPY: "old" });
const base = `${minimal}prefix-lists:
  blocks: [10.0.0.0/8]
policies:
  in: [{match: {prefix-list: blocks}, then: accept}]
  out: [{then: accept}]
`;
const config = (neighbors: string, more = base): Config => parse(`${more}neighbors:\n${neighbors}`, host);
const a = "  - {address: 192.0.2.1, remote-as: internal, import-policy: in, export-policy: out}\n";
const b = "  - {address: 192.0.2.2, remote-as: internal, password: {env: OLD}, timers: {hold-time: 30}}\n";

/** Changes of the one neighbor that `b` becomes. */
const changed = (text: string) => {
  const diff = diffConfig(config(a + b), config(a + text));
  t.equal(diff.neighbors.length, 1, text);
  const { kind, changes, effects } = diff.neighbors[0]!;
  return { kind, fields: changes.map(({ field }) => field), effects: [...effects] };
};

t.test("a file that only moved, was commented or reordered changes nothing", async (t) => {
  const diff = diffConfig(config(a + b), config(`# comment\n${b}\n\n${a}`));
  t.same(diff, { ...diffConfig(config(a + b), config(a + b)), unchangedNeighbors: 2 });
  t.match(diff, {
    router: [],
    neighbors: [],
    ranges: [],
    sections: [],
    originate: { added: [], removed: [], changed: [] },
  });
});

t.test("a router id that was found stays what it was; the next start finds another", async (t) => {
  const found = (routerId: string, ...addresses: string[]) =>
    parse(
      `router: {as: 65001, router-id: ${routerId}}\nneighbors:\n${b}`,
      testHost(
        addresses.map((address) => onInterface("eth0", address)),
        { OLD: "old" },
      ),
    );
  const told = (before: Config, after: Config) =>
    diffConfig(before, after).router.map(({ field, from, to, effect }) => `${field} ${from} ${to} ${effect}`);
  const started = found("auto", "192.0.2.9");
  const renumbered = found("auto", "192.0.2.10");
  t.same(told(started, renumbered), ["router.router-id 192.0.2.9 192.0.2.10 start"]);
  t.same(diffConfig(started, renumbered).neighbors, [], "no session ends");
  t.match(takenOn(started, renumbered).router, { routerId: "192.0.2.9", clusterId: "192.0.2.9" });
  const late = found("auto");
  t.match(
    takenOn(late, renumbered).router,
    { routerId: late.router.routerId },
    "nor when the first address comes late",
  );
  for (const written of ["192.0.2.10", "hash"])
    t.match(
      told(started, found(written, "192.0.2.9")),
      [/ restart$/, / export$/],
      `what is written is meant: ${written}`,
    );
});

t.test("who calls a policy that is another one is another, through any number of calls", async (t) => {
  const calls = (verdict: string) => `${minimal}policies:
  first: [{call: second}]
  second: [{match: {origin: igp}, call: third}]
  third: [{then: ${verdict}}]
  other: [{then: accept}]
`;
  const both = `  - {address: 192.0.2.1, remote-as: internal, import-policy: first}
  - {address: 192.0.2.2, remote-as: internal, import-policy: other}
`;
  const { neighbors } = diffConfig(config(both, calls("accept")), config(both, calls("reject")));
  t.match(neighbors, [{ kind: "soft", changes: [{ field: "import-policy", effect: "import" }] }]);
  t.equal(neighbors.length, 1);
});

t.test("what was said in the OPEN or belongs to the connection restarts the session, the rest does not", async (t) => {
  const was = "address: 192.0.2.2, remote-as: internal, password: {env: OLD}, timers: {hold-time: 30}";
  t.match(changed(`  - {${was.replace("30", "60")}}\n`), {
    kind: "restart",
    fields: ["timers.hold-time", "timers.keepalive"],
  });
  t.match(changed(`  - {${was}, add-path: {receive: true}}\n`), { kind: "restart", fields: ["add-path"] });
  t.match(changed(`  - {${was}, address-families: {ipv6-unicast: }}\n`), {
    kind: "restart",
    fields: ["address-families"],
  });
  t.match(changed(`  - {${was.replace("internal", "external")}}\n`), {
    kind: "restart",
    fields: ["remote-as", "kind"],
  });
  t.match(changed(`  - {${was.replace("internal", "external")}, multihop: 3}\n`), {
    fields: ["remote-as", "kind", "multihop"],
  });
  for (const [text, field, effect] of [
    ["route-reflector-client: true", "route-reflector-client", "export"],
    ["next-hop-self: force", "next-hop-self", "export"],
    ["import-policy: [in]", "import-policy", "import"],
    ["drop-attributes: [20]", "drop-attributes", "refresh"],
    ["description: new", "description", "live"],
    ["address-families: {ipv4-unicast: {maximum-prefix: 5}}", "address-families.maximum-prefix", "live"],
    ["passive: true", "passive", "live"],
    ["graceful-restart: {stale-path-time: 60}", "graceful-restart.stale-path-time", "live"],
  ] as const)
    t.same(changed(`  - {${was}, ${text}}\n`), { kind: "soft", fields: [field], effects: [effect] }, text);
});

t.test("a password counts by its content, and is told without it", async (t) => {
  const was = "address: 192.0.2.2, remote-as: internal, timers: {hold-time: 30}";
  const same = diffConfig(config(a + b), config(`${a}  - {${was}, password: {env: COPY}}\n`));
  t.same(same.neighbors, [], "the same key from elsewhere");
  const diff = diffConfig(config(a + b), config(`${a}  - {${was}, password: {env: NEW}}\n`));
  t.match(diff.neighbors[0], { kind: "soft" }, "which a live session takes on");
  t.same(changeReport(diff, []).neighbors, [
    {
      address: "192.0.2.2",
      change: "soft",
      reasons: ["password: secret from environment OLD -> secret from environment NEW"],
    },
  ]);
  const later = config(a + b);
  const rewritten = parse(`${base}neighbors:\n${a + b}`, testHost([], { OLD: "other" }));
  t.match(changeReport(diffConfig(later, rewritten), []).neighbors[0]?.reasons[0], /\(another content\)$/);
});

t.test("a policy whose prefix list changed concerns those who use it, and nobody else", async (t) => {
  const diff = diffConfig(config(a + b), config(a + b, base.replace("[10.0.0.0/8]", "[10.0.0.0/9]")));
  t.same([...diff.policies], ["in"]);
  t.same(
    diff.neighbors.map(({ key, kind, effects }) => [key, kind, [...effects]]),
    [["192.0.2.1", "soft", ["import"]]],
  );
  const other = diffConfig(
    config(a + b),
    config(a + b, base.replace("out: [{then: accept}]", "out: [{then: reject}]")),
  );
  t.match(other.neighbors, [{ key: "192.0.2.1", kind: "soft" }]);
  t.same([...other.neighbors[0]!.effects], ["export"]);
});

t.test("neighbors and ranges come and go", async (t) => {
  const range = "dynamic-neighbors: [{range: 10.0.0.0/8, remote-as: internal}]\n";
  const diff = diffConfig(config(a + b), config(`${b}  - {address: 192.0.2.9, remote-as: internal}\n`, base + range));
  t.same(
    [...diff.neighbors, ...diff.ranges].map(({ key, kind }) => [key, kind]),
    [
      ["192.0.2.9", "added"],
      ["192.0.2.1", "removed"],
      ["10.0.0.0/8", "added"],
    ],
  );
  t.equal(diff.unchangedNeighbors, 1);
});

t.test("another AS or router id restarts every session; another cluster id re-exports", async (t) => {
  const diff = diffConfig(config(a + b), config(a + b, base.replace("10.0.0.7", "10.0.0.8")));
  t.ok(diff.neighbors.every(({ kind }) => kind === "restart") && diff.neighbors.length === 2);
  t.match(changeReport(diff, []).router, [
    "router.router-id: 10.0.0.7 -> 10.0.0.8 (restarts every session)",
    "router.cluster-id: 10.0.0.7 -> 10.0.0.8",
  ]);
  const cluster = diffConfig(config(a + b), config(a + b, base.replace("10.0.0.7", "10.0.0.7, cluster-id: 1.1.1.1")));
  t.match(cluster.router, [{ field: "router.cluster-id", effect: "export" }]);
  t.equal(cluster.neighbors.length, 0);
});

t.test("own prefixes, kernel and telemetry are told in words", async (t) => {
  const before = `${base}originate: [{prefix: 10.1.0.0/24}, {prefix: 10.2.0.0/24}]\n`;
  const after = `${base}originate: [{prefix: 10.2.0.0/24, blackhole: true}, {prefix: 10.3.0.0/24}]\nkernel: {metric: 99}\ntelemetry: {metrics: {listen: ":9179"}}\n`;
  t.same(changeReport(diffConfig(config(a, before), config(a, after)), []).others, [
    "own prefix 10.3.0.0/24 added",
    "own prefix 10.1.0.0/24 removed",
    "own prefix 10.2.0.0/24 changed",
    "kernel.metric: 32 -> 99 (from the next start of the daemon on)",
    "telemetry.metrics: none -> {listen: :9179, per-peer-up-to: 200, hosts: none}",
  ]);
});

t.test("no setting of a peer is forgotten: a change of any field of the model is seen", async (t) => {
  const peer = config(a).neighbors[0]!;
  const names = ["address", "zone", "node", "source", "place"];
  for (const field of Object.keys(peer).filter((key) => !names.includes(key))) {
    const other = { ...peer, [field]: { changed: true } } as unknown as typeof peer;
    const seen = peerFields.some(([, , get]) => {
      const look = (value: typeof peer) => {
        try {
          return JSON.stringify(get(value));
        } catch {
          return "unreadable";
        }
      };
      return look(peer) !== look(other);
    });
    t.ok(seen, field);
  }
});

t.test("communities and families are told as people write them", async (t) => {
  const workloads = (community: string) =>
    config(a, `${base}\noriginate: [{workloads: {interfaces: ["cali*"]}, communities: ["${community}"]}]\n`);
  const [change] = diffConfig(workloads("65001:10"), workloads("65001:20")).sections;
  t.match([change?.from, change?.to], [/communities: 65001:10/, /communities: 65001:20/]);
  const was = "address: 192.0.2.2, remote-as: internal, password: {env: OLD}, timers: {hold-time: 30}";
  const limited = diffConfig(
    config(a + b),
    config(`${a}  - {${was}, address-families: {ipv4-unicast: {maximum-prefix: 9}}}\n`),
  );
  t.match(limited.neighbors[0]?.changes[0]?.to, /ipv4-unicast: \{limit: 9/);
});
