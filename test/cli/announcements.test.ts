import t from "tap";
import { routesOfFlags, routesOfLines } from "../../src/cli/announcements.ts";
import { CliFailure } from "../../src/cli/io.ts";

t.test("lines are prefixes with the options' keys; comments and empty lines count for nothing", async (t) => {
  t.same(
    routesOfLines(`
# from the load balancer
192.0.2.1/32 community=65001:1 community=no-export med=5
2001:db8::/48   next-hop=2001:db8::1 local-pref=200 blackhole for=30 large-community=1:2:3
`),
    [
      { prefix: "192.0.2.1/32", communities: ["65001:1", "no-export"], med: 5 },
      {
        prefix: "2001:db8::/48",
        nextHop: "2001:db8::1",
        localPref: 200,
        blackhole: true,
        for: 30,
        largeCommunities: ["1:2:3"],
      },
    ],
  );
});

t.test("each wrong line is said with its number, and none is taken", async (t) => {
  const text = "192.0.2.1/32\n192.0.2.2\n192.0.2.3/32 colour=red\n192.0.2.4/32 med=-1\n192.0.2.5/32 constructor=1\n";
  try {
    routesOfLines(text);
    t.fail("nothing was thrown");
  } catch (error) {
    t.ok(error instanceof CliFailure);
    t.equal((error as CliFailure).code, 2);
    t.same(
      (error as CliFailure).errors.map(({ place }) => place),
      ["stdin:2:1", "stdin:3:1", "stdin:4:1", "stdin:5:1"],
    );
    t.match((error as CliFailure).errors[0], { message: 'a line must begin with a prefix, found "192.0.2.2"' });
  }
  t.throws(() => routesOfLines("\n#\n"), { message: "Standard input holds no prefix" });
});

t.test("flags hold for each prefix; a wrong number is wrong usage", async (t) => {
  t.same(routesOfFlags(["192.0.2.1/32", "192.0.2.2/32"], { med: "7", blackhole: true }), [
    { prefix: "192.0.2.1/32", med: 7, blackhole: true },
    { prefix: "192.0.2.2/32", med: 7, blackhole: true },
  ]);
  t.throws(() => routesOfFlags(["192.0.2.1/32"], { for: "soon" }), {
    code: 2,
    message: '--for must be a number, found "soon"',
  });
});
