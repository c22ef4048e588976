import t from "tap";
import { attributeColumns } from "../../src/view/path-row.ts";
import { emptyAttributes } from "../../src/wire/attribute/types.ts";

t.test("attributes are shown in the words that match and set take", async (t) => {
  const shown = attributeColumns(
    {
      ...emptyAttributes,
      origin: 2,
      asPath: [
        { type: 2, asns: [65001, 65002] },
        { type: 1, asns: [3, 4] },
        { type: 3, asns: [64512, 64513] },
        { type: 4, asns: [64514] },
      ],
      atomicAggregate: true,
      aggregator: { as: 65009, address: 0x0a000003 },
      onlyToCustomer: 65010,
      unknown: [{ code: 99, flags: 0xe0, value: Uint8Array.of(0, 255) }],
      med: 7,
      communities: [0xfde90064, 0xffffff01],
      largeCommunities: [[4294967295, 1, 0]],
      extendedCommunities: [
        [0x0002fde9, 100],
        [0x01030a00, 0x00010007],
        [0x4004fde9, 0x4cee6b28],
        [0x43000000, 1],
      ],
      originatorId: 0x0a000001,
      clusterList: [0x0a000002],
    },
    [0x0a000009],
    true,
  );
  t.same(shown, {
    nextHop: "10.0.0.9",
    asPath: [65001, 65002, [3, 4], { confed: [64512, 64513] }, { confedSet: [64514] }],
    origin: "incomplete",
    localPref: 100,
    med: 7,
    communities: ["65001:100", "65535:65281"],
    largeCommunities: ["4294967295:1:0"],
    extendedCommunities: ["rt:65001:100", "soo:10.0.0.1:7", "lb:65001:125000000", "0x4300000000000001"],
    originatorId: "10.0.0.1",
    clusterList: ["10.0.0.2"],
    atomicAggregate: true,
    aggregator: { as: 65009, address: "10.0.0.3" },
    onlyToCustomer: 65010,
    unknownAttributes: [{ code: 99, flags: 0xe0, value: "00ff" }],
  });
});

t.test("LOCAL_PREF is the default only where it counts, and an own route has no next hop", async (t) => {
  t.match(attributeColumns(emptyAttributes, [], false), { localPref: null, nextHop: null });
  t.match(attributeColumns({ ...emptyAttributes, localPref: 0 }, [], true), { localPref: 0 });
});
