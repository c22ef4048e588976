import { copyFileSync, existsSync, statSync } from "node:fs";
import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { program } from "../../../testbed/daemons/peerage.ts";
import type { Host } from "../../../testbed/lab.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, frrDefaults, frrNeighbor } from "../harness/texts.ts";

/** What `bgpdump -m` prints of a file, and we; without other messages and large communities, which it doesn't show. */
async function bothReaders(host: Host, written: string): Promise<{ theirs: string[]; ours: string[] }> {
  // A copy: messages are added all the time.
  const file = `${written}.copy`;
  copyFileSync(written, file);
  const shown = (text: string) =>
    text.split("\n").filter((line) => /^(BGP4MP|TABLE_DUMP2?)\|\d+\|(A|B|W|STATE)\|/.test(line));
  return {
    theirs: shown(await host.run("bgpdump", "-m", file)).sort(),
    ours: shown((await host.run(process.execPath, program, "mrt", file)).replaceAll("|4200000001:1:2\n", "|\n")).sort(),
  };
}

/**
 *   bird AS 4200000001 ── 10.0.1.0/24 ── frr AS 65003
 */
scenario("MRT files of other daemons, and ours to other readers", ["frr", "bird", "bgpdump"], async ({ lab, step }) => {
  const wire = lab.switch("wire");
  const frr = new Frr(
    lab.host("frr").plug(wire, { addresses: ["10.0.1.3/24", "fd01::3/64"] }),
    `
router bgp 65003
 bgp router-id 10.0.0.3
${frrDefaults}${frrNeighbor("10.0.1.1", 4200000001)} address-family ipv4 unicast
  neighbor 10.0.1.1 activate
  network 10.3.0.0/24
 exit-address-family
 address-family ipv6 unicast
  neighbor 10.0.1.1 activate
  network 2001:db8:3::/48
 exit-address-family
`,
  );
  const bird = new Bird(
    lab.host("bird").plug(wire, { addresses: ["10.0.1.1/24", "fd01::1/64"] }),
    `
router id 10.0.0.1;
mrtdump "${lab.directory}/bird-messages";
protocol mrt { table "master?"; filename "${lab.directory}/bird-table"; period 1; }
protocol static { ipv4; route 10.1.0.0/24 blackhole; route 10.1.1.0/24 blackhole; }
protocol static { ipv6; route 2001:db8:1::/48 blackhole; }
filter own {
  if source != RTS_STATIC then reject;
  bgp_path.prepend(4200000001); bgp_med = 50;
  bgp_community.add((65010,1)); bgp_large_community.add((4200000001,1,2));
  accept;
}
protocol bgp frr {
  mrtdump all;
  local 10.0.1.1 as 4200000001; neighbor 10.0.1.3 as 65003; ${birdTimers}
  ipv4 { import all; export filter own; };
  ipv6 { import all; export filter own; };
}`,
  );
  await Promise.all([bird.start(), frr.start()]);
  const dir = frr.host.directory;
  await frr.configure(`dump bgp all ${dir}/all`);
  await lab.until("FRR has BIRD's routes", () => frr.best("10.1.0.0/24"));
  await frr.vtysh("clear bgp *");
  await lab.until("the session has gone and is back", async () => {
    const neighbor = await frr.neighbor("10.0.1.1");
    return neighbor.connectionsDropped > 0 && neighbor.bgpState === "Established";
  });
  for (const prefix of ["10.1.0.0/24", "10.1.1.0/24", "2001:db8:1::/48"])
    await lab.until(`FRR has ${prefix} again`, () => frr.best(prefix));
  await frr.configure(`dump bgp routes-mrt ${dir}/table`);

  await step("what FRR and BIRD dump is read as bgpdump reads it", async (t) => {
    for (const file of [`${dir}/all`, `${dir}/table`, `${lab.directory}/bird-messages`]) {
      await lab.until(`${file} is written`, () => existsSync(file) && statSync(file).size > 300);
      const { theirs, ours } = await bothReaders(frr.host, file);
      t.same(ours, theirs, file);
      t.ok(theirs.length > 2, `${theirs.length} lines`);
    }
  });

  await step("a table of BIRD is read: with NEXT_HOP as optional, and static routes without attributes", async (t) => {
    const table = `${lab.directory}/bird-table`;
    const text = await lab.until("it holds FRR's route", async () => {
      if (!existsSync(table)) return false;
      const text = await frr.host.run(process.execPath, program, "mrt", table);
      return text.includes("|B|10.0.1.3|65003|10.3.0.0/24|65003|IGP|10.0.1.3|100|0||NAG||") && text;
    });
    t.match(text, "|B|10.0.1.3|65003|2001:db8:3::/48|65003|IGP|fd01::3|100|0||NAG||");
    t.match(text, "|B|::|0|10.1.0.0/24||INCOMPLETE||0|0||NAG||");
  });
});
