import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import type { RouteRow } from "../../../src/view/model.ts";
import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage, program } from "../../../testbed/daemons/peerage.ts";
import type { Host } from "../../../testbed/lab.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, bothFamilies, frrDefaults, frrNeighbor, ourTimers } from "../harness/texts.ts";

/** What `bgpdump -m` prints of a file, and we; without other messages and large communities, which it doesn't show. */
async function bothReaders(host: Host, written: string): Promise<{ theirs: string[]; ours: string[] }> {
  // A copy: messages are added all the time.
  const file = `${written}.copy${written.endsWith(".gz") ? ".gz" : ""}`;
  copyFileSync(written, file);
  const shown = (text: string) =>
    text.split("\n").filter((line) => /^(BGP4MP|TABLE_DUMP2?)\|\d+\|(A|B|W|STATE)\|/.test(line));
  return {
    theirs: shown(await host.run("bgpdump", "-m", file)).sort(),
    ours: shown((await host.run(process.execPath, program, "mrt", file)).replaceAll("|4200000001:1:2\n", "|\n")).sort(),
  };
}

/** A line of `bgpdump -m` for each path that policy took, but for what it doesn't show. */
const tableLines = (rows: readonly RouteRow[]): string[] =>
  rows
    .flatMap(({ prefix, paths }) =>
      paths
        .filter(({ rejectedBy }) => rejectedBy === null)
        .map((path) =>
          [
            path.from === "self" ? "0.0.0.0" : path.from,
            prefix,
            path.asPath.join(" "),
            path.origin.toUpperCase(),
            path.nextHop ?? "0.0.0.0",
            path.localPref ?? 0,
            path.med ?? 0,
            path.communities.join(" "),
          ].join("|"),
        ),
    )
    .sort();

/** The same of what it prints. */
const shownLines = (text: string): string[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("|"))
    .map((cells) => [cells[3], ...cells.slice(5, 12)].join("|"))
    .sort();

/**
 *   bird AS 4200000001 ── 10.0.1.0/24 ── frr AS 65003
 *                              │
 *                        ours AS 65002
 */
scenario("MRT files of other daemons, and ours to other readers", ["frr", "bird", "bgpdump"], async ({ lab, step }) => {
  const wire = lab.switch("wire");
  const frr = new Frr(
    lab.host("frr").plug(wire, { addresses: ["10.0.1.3/24", "fd01::3/64"] }),
    `
router bgp 65003
 bgp router-id 10.0.0.3
${frrDefaults}${frrNeighbor("10.0.1.1", 4200000001)}${frrNeighbor("10.0.1.2", 65002)} address-family ipv4 unicast
  neighbor 10.0.1.1 activate
  neighbor 10.0.1.2 activate
  network 10.3.0.0/24
 exit-address-family
 address-family ipv6 unicast
  neighbor 10.0.1.1 activate
  neighbor 10.0.1.2 activate
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
template bgp own_side {
  local 10.0.1.1 as 4200000001; ${birdTimers}
  ipv4 { import all; export filter own; };
  ipv6 { import all; export filter own; };
}
protocol bgp ours from own_side { neighbor 10.0.1.2 as 65002; }
protocol bgp frr {
  mrtdump all;
  local 10.0.1.1 as 4200000001; neighbor 10.0.1.3 as 65003; ${birdTimers}
  ipv4 { import all; export filter own; };
  ipv6 { import all; export filter own; };
}`,
  );
  const small = `${lab.directory}/small`;
  mkdirSync(small);
  const config = (directory: string) => `
router: {as: 65002, router-id: 10.0.0.2, address: 10.0.1.2, address6: "fd01::2"}
kernel: {fib: none}
originate: [{prefix: 10.2.0.0/24, communities: ["65002:7"]}, {prefix: "2001:db8:2::/48"}]
neighbors:
  - {address: 10.0.1.1, remote-as: 4200000001, ${ourTimers}, ${bothFamilies}, import-policy: [most], export-policy: [all]}
  - {address: 10.0.1.3, remote-as: 65003, ${ourTimers}, ${bothFamilies}, import-policy: [all], export-policy: [all]}
prefix-lists: {unwanted: [{prefix: 10.1.1.0/24}]}
policies: {all: [{then: accept}], most: [{match: {prefix-list: unwanted}, then: reject}, {then: accept}]}
telemetry: {mrt: {directory: ${directory}, updates: {rotate: 86400}, tables: {every: 0}}}`;
  const ours = new Peerage(lab.host("ours").plug(wire, { addresses: ["10.0.1.2/24", "fd01::2/64"] }), config("dumps"));
  const dumps = `${ours.host.directory}/dumps`;
  await Promise.all([bird.start(), frr.start(), ours.start()]);
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

  /** What `bgpdump -m` prints, and what it complains of. */
  const bgpdump = async (file: string) => {
    const said = await ours.host.run("sh", "-c", `bgpdump -m '${file}' 2>&1 >/dev/null`);
    const complaints = said.split("\n").filter((line) => line !== "" && !line.includes("logging to"));
    return { text: await ours.host.run("bgpdump", "-m", file), complaints };
  };

  await step("a table that we write is what `peerage route` says, to bgpdump and to ourselves", async (t) => {
    await lab.until("everything is there", async () => {
      const rows = await ours.routes();
      const paths = (prefix: string) => rows.find((row) => row.prefix === prefix)?.paths.length ?? 0;
      const twice = ["10.1.0.0/24", "10.1.1.0/24", "2001:db8:1::/48"].every((prefix) => paths(prefix) === 2);
      return twice && paths("10.3.0.0/24") === 1 && paths("2001:db8:3::/48") === 1;
    });
    const file = (await ours.cli("mrt", "--dump")).trim();
    t.match(file, /\/dumps\/rib\.\d{8}\.\d{4}\.gz$/);
    const { text, complaints } = await bgpdump(file);
    t.same(complaints, []);
    const wanted = tableLines(await ours.routes());
    t.same(
      shownLines(text).map((line) => line.replace("|::|", "|0.0.0.0|")),
      wanted,
    );
    t.equal(wanted.length, 9, "one of ten is rejected");
    t.same(shownLines(await ours.host.run(process.execPath, program, "mrt", file)), shownLines(text));
  });

  await step(
    "received UPDATEs and state changes stand in files that get their names when they are whole",
    async (t) => {
      await bird.birdc("disable static1");
      await lab.until("BIRD's routes are gone", async () =>
        (await ours.routes()).every((row) => row.prefix !== "10.1.0.0/24"),
      );
      await bird.birdc("disable ours");
      await lab.until("the session is down", async () => (await ours.neighborRow("10.0.1.1"))?.state !== "Established");
      t.same(
        readdirSync(dumps).filter((name) => name.startsWith("updates") && !name.endsWith(".part")),
        [],
      );
      ours.configure(config(small));
      await ours.reload();
      const names = readdirSync(dumps);
      const file = names.find((name) => /^updates\.\d{8}\.\d{4}\.gz$/.test(name));
      t.ok(file !== undefined && names.every((name) => !name.endsWith(".part")), names.join(" "));
      const { text, complaints } = await bgpdump(`${dumps}/${file}`);
      t.same(complaints, []);
      for (const line of [
        /\|STATE\|10\.0\.1\.1\|4200000001\|5\|6\n/,
        /\|A\|10\.0\.1\.1\|4200000001\|10\.1\.0\.0\/24\|4200000001 4200000001\|IGP\|10\.0\.1\.1\|0\|50\|65010:1\|NAG\|\|\n/,
        /\|A\|10\.0\.1\.3\|65003\|2001:db8:3::\/48\|65003\|IGP\|/,
        /\|W\|10\.0\.1\.1\|4200000001\|10\.1\.0\.0\/24\n/,
        /\|STATE\|10\.0\.1\.1\|4200000001\|6\|/,
      ])
        t.match(text, line);
      const both = await bothReaders(ours.host, `${dumps}/${file}`);
      t.same(both.ours, both.theirs);
    },
  );

  await step("a disk that takes no more costs the dump and nothing else, and is said once", async (t) => {
    // The bound on the size of a file stands for the disk's: it can be taken away again, and fills no disk of others.
    const room = (octets: string) => ours.host.run("prlimit", "--pid", String(ours.daemon.pid), `--fsize=${octets}`);
    await room("16:");
    for (let i = 0; i < 3; i++)
      await t.rejects(ours.cli("mrt", "--dump"), /exit 1: .*The tables couldn't be written: EFBIG/s);
    await bird.birdc("enable ours");
    await bird.birdc("enable static1");
    await lab.until("the session is up, and brings routes", () => ours.best("10.1.0.0/24"));
    // Another folder, and so the end of the file at hand.
    ours.configure(config(dumps));
    await ours.reload();
    await lab.until("the log says it", () => /MRT files can't be written to .*small: EFBIG/.test(ours.daemon.output));
    t.same(readdirSync(small), [], "nothing half is left");
    await room("unlimited:");
    t.match(await ours.cli("mrt", "--dump"), "/dumps/rib.");
    t.equal(ours.daemon.output.split("can't be written").length, 2, "once");
    t.equal((await ours.neighborRow("10.0.1.3"))?.state, "Established");
  });
});
