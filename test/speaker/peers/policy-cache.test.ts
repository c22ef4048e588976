import t from "tap";
import { parseConfig } from "../../../src/config/load.ts";
import { Hasher } from "../../../src/lib/hash.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { AttributeStore } from "../../../src/rib/attribute-store.ts";
import { PolicyCache } from "../../../src/speaker/peers/policy-cache.ts";
import type { RoleName } from "../../../src/wire/capability/role.ts";
import { blocks } from "../../../testbed/blocks.ts";
import { fixedNextHops } from "../../../testbed/next-hops.ts";

t.test("peers of other AS share their way in, unless a role asks for the AS (RFC 9234 §5)", async (t) => {
  const nextHops = fixedNextHops();
  const policyCache = new PolicyCache(new AttributeStore(nextHops, new Hasher(seededRandom(1))), nextHops);
  const of = (remoteAs: number, role: RoleName | null) =>
    policyCache.pipeline(
      parseConfig("router: {as: 65000, router-id: 10.0.0.1}", "node.yaml"),
      {
        peerKind: "external",
        ownAsns: [65000],
        allowasIn: 0,
        routerId: 1,
        clusterId: 1,
        role,
        remoteAs,
        refuseDefaultRoute: true,
      },
      null,
      { localAs: 65000, addresses: [null, null] },
    );
  t.equal(of(65001, null), of(65002, null), "whoever comes with another AS each time leaves nothing behind");
  t.not(of(65001, "peer"), of(65002, "peer"));
  t.equal(of(65001, "peer"), of(65001, "peer"));
});

t.test(
  "a reload that changes no policy compiles none, and one that only moves it is told with today's lines",
  async (t) => {
    const nextHops = fixedNextHops();
    const policyCache = new PolicyCache(new AttributeStore(nextHops, new Hasher(seededRandom(1))), nextHops);
    const own = { localAs: 65000, addresses: [null, null] };
    const config = (before: string, verdict: string) =>
      parseConfig(
        `router: {as: 65000, router-id: 10.0.0.1}\n${before}policies: {p: [{then: ${verdict}}]}\n`,
        "node.yaml",
      );
    const was = config("", "accept");
    const policy = policyCache.policy(was, ["p"], own)!;
    const line = () => policy.explain(1, source, blocks(0, 24), 0).line;
    t.equal(line(), 2);
    const moved = config("# a comment\n\n", "accept");
    t.equal(policyCache.text(moved, ["p"], own), policyCache.text(was, ["p"], own));
    policyCache.adopt(moved);
    t.equal(policyCache.policy(moved, ["p"], own), policy);
    t.equal(line(), 4);
    const changed = config("", "reject");
    policyCache.adopt(changed);
    t.not(policyCache.policy(changed, ["p"], own), policy);
    t.equal(line(), 4, "who still uses the old one is told where it stood");
  },
);

t.test("a policy that asks for our address is another one for each, and no other policy is", async (t) => {
  const nextHops = fixedNextHops();
  const policyCache = new PolicyCache(new AttributeStore(nextHops, new Hasher(seededRandom(1))), nextHops);
  const config = parseConfig(
    "router: {as: 65000, router-id: 10.0.0.1}\npolicies: {self: [{then: {set: {next-hop: self}, accept: true}}], all: [{then: accept}]}\n",
    "node.yaml",
  );
  const of = (name: string, ipv4: number) =>
    policyCache.policy(config, [name], { localAs: 65000, addresses: [[ipv4], null] });
  t.equal(of("all", 1), of("all", 2));
  t.not(of("self", 1), of("self", 2));
  t.equal(of("self", 1), of("self", 1));
});

const source = { address: [], peerGroup: null, learnedFrom: "internal", blocks: [], interface: null } as const;

t.test(
  "a policy means another thing when one that it calls does, and is told with today's lines through the call",
  async (t) => {
    const nextHops = fixedNextHops();
    const policyCache = new PolicyCache(new AttributeStore(nextHops, new Hasher(seededRandom(1))), nextHops);
    const own = { localAs: 65000, addresses: [null, null] };
    const config = (verdict: string, before = "") =>
      parseConfig(
        `router: {as: 65000, router-id: 10.0.0.1}\n${before}policies:\n  p: [{call: q}, {then: accept}]\n  q: [{then: ${verdict}}]\n`,
        "node.yaml",
      );
    const [was, moved, changed] = [config("reject"), config("reject", "# moved\n"), config("accept")];
    t.not(was.policies.p?.digest, changed.policies.p?.digest);
    const policy = policyCache.policy(was, ["p"], own)!;
    const line = () => policy.explain(1, source, blocks(0, 24), 0).line;
    t.equal(line(), 4);
    policyCache.adopt(moved);
    t.equal(policyCache.policy(moved, ["p"], own), policy);
    t.equal(line(), 5);
  },
);
