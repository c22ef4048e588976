import t from "tap";
import { parseConfig } from "../../../src/config/load.ts";
import { Hasher } from "../../../src/lib/hash.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { AttributeStore } from "../../../src/rib/attribute-store.ts";
import { PolicyCache } from "../../../src/speaker/peers/policy-cache.ts";
import type { RoleName } from "../../../src/wire/capability/role.ts";
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
