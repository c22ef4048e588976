import t from "tap";
import {
  Community,
  communityName,
  formatCommunity,
  formatLargeCommunity,
  tryParseCommunity,
} from "../../src/lib/communities.ts";

t.test("a community is two halves of up to 65535 (RFC 1997), and well-known ones have a name too", async (t) => {
  for (const text of ["65001:100", "0:0", "65535:65535"]) {
    t.equal(formatCommunity(tryParseCommunity(text)!), text);
    t.equal(communityName(tryParseCommunity(text)!), text);
  }
  t.equal(tryParseCommunity("65535:65281"), Community.NoExport, "in numbers");
  t.equal(formatCommunity(Community.NoExport), "65535:65281");
  for (const text of ["65536:1", "1:65536", "1", "1:2:3", "-1:2", "1:", ":1", "1:*", "0x1:1", " 1:1", "no-such", ""])
    t.equal(tryParseCommunity(text), undefined, text);
});

t.test("each name stands for the number that its RFC registers (1997, 7999, 8326, 9494)", async (t) => {
  const registered = {
    "graceful-shutdown": 0xffff0000,
    "llgr-stale": 0xffff0006,
    "no-llgr": 0xffff0007,
    blackhole: 0xffff029a,
    "no-export": 0xffffff01,
    "no-advertise": 0xffffff02,
    "no-export-subconfed": 0xffffff03,
  };
  t.same(new Set(Object.values(Community)), new Set(Object.values(registered)));
  for (const [name, community] of Object.entries(registered)) {
    t.equal(tryParseCommunity(name), community);
    t.equal(communityName(community), name);
  }
});

t.test("a large community is three numbers (RFC 8092 §5)", async (t) => {
  t.equal(formatLargeCommunity([4294967295, 1, 0]), "4294967295:1:0");
});
