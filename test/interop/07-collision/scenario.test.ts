import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import type { Host } from "../../../testbed/lab.ts";
import { stretched } from "../../../testbed/pace.ts";
import { holds } from "../../../testbed/wait.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimersOf, frrDefaultsOf, frrNeighbor, ourTimersOf } from "../harness/texts.ts";

const each = 25;
/** Longer than usual: ours is stopped while all fifty OPENs are sent. */
const hold = stretched(30);
const numbers = Array.from({ length: each }, (_, i) => i + 1);

/**
 * Both sides dial, and we see to it that they do so at the same time, 50 times over. While our process is stopped
 * (SIGSTOP), the kernel still takes connections for it: BIRD and FRR dial, send their OPEN and wait in OpenSent. Meanwhile
 * our own ConnectRetryTimer runs out for all 50 neighbors; woken up, we dial as well. Each session has two addresses of
 * its own. BIRD's identifier is lower than ours and FRR's is higher, so both outcomes of RFC 4271 §6.8 occur.
 */
scenario(
  "50 simultaneous dials (connection collision) always end in one session",
  ["frr", "bird"],
  async ({ lab, step }) => {
    const lan = lab.switch("lan");
    const range = (third: number) => numbers.map((n) => `10.0.${third}.${n}/16`);
    const us = lab.host("ours").plug(lan, { addresses: [...range(1), ...range(2)] });
    const low = lab.host("bird").plug(lan, { addresses: range(101) });
    const high = lab.host("frr").plug(lan, { addresses: range(102) });

    const ours = new Peerage(
      us,
      `
router: {as: 65001, router-id: 10.0.50.50, address: 10.0.1.1}
peer-groups:
  both-dial: {remote-as: internal, ${ourTimersOf(hold)}}
neighbors:
${[1, 2]
  .flatMap((third) =>
    numbers.map((n) => `  - {address: 10.0.10${third}.${n}, local-address: 10.0.${third}.${n}, peer-group: both-dial}`),
  )
  .join("\n")}
originate: [{prefix: 10.77.0.0/24}]
kernel: {fib: none}
`,
    );
    await ours.start();
    // Their host answers "connection refused" now: we have dialled each and wait to dial it again. One that we dial between
    // the look and the stop would hear of its refusal when it wakes up, and might be dialled before it dials again.
    await lab.until("we have dialled everybody, and are stopped while we dial nobody", async () => {
      const before = await tcpCount(us, "ActiveOpens");
      const { neighbors } = await ours.summary();
      if (neighbors.length !== 2 * each || neighbors.some((row) => row.state !== "Active")) return false;
      ours.daemon.freeze();
      if ((await tcpCount(us, "ActiveOpens")) === before) return true;
      ours.daemon.thaw();
      return false;
    });

    const bird = new Bird(
      low,
      `
router id 10.0.0.1;
protocol direct { ipv4; }
${numbers
  .map(
    (n) => `
protocol bgp s${n} {
  local 10.0.101.${n} as 65001; neighbor 10.0.1.${n} as 65001; strict bind; ${birdTimersOf(hold)}
  ipv4 { import all; export none; };
}`,
  )
  .join("")}`,
    );
    const frr = new Frr(
      high,
      `
router bgp 65001
 bgp router-id 10.0.200.200
${frrDefaultsOf(hold)}${numbers
  .map((n) => `${frrNeighbor(`10.0.2.${n}`, 65001)} neighbor 10.0.2.${n} update-source 10.0.102.${n}\n`)
  .join("")} address-family ipv4 unicast
${numbers.map((n) => `  neighbor 10.0.2.${n} activate\n`).join("")} exit-address-family
`,
    );
    await Promise.all([bird.start(), frr.start()]);

    const frrStates = async () => {
      const all = await frr.json("show bgp neighbors");
      return numbers.map((n) => all[`10.0.2.${n}`].bgpState as string);
    };

    await step("BIRD and FRR have dialled all 50 and wait for our OPEN while we are stopped", async (t) => {
      await lab.until("BIRD is in OpenSent 25 times", async () => {
        const lines = (await bird.birdc("show protocols")).split("\n");
        return lines.filter((line) => /^s\d+ .*OpenSent/.test(line)).length === each;
      });
      await lab.until("FRR is in OpenSent 25 times", async () =>
        (await frrStates()).every((state) => state === "OpenSent"),
      );
      t.same(await tcpCount(low, "PassiveOpens"), 0, "nobody has dialled BIRD");
      t.same(await tcpCount(high, "PassiveOpens"), 0, "nobody has dialled FRR");
    });

    await step(
      "woken up, we dial too: two connections to each neighbor, and one session is left of them (RFC 4271 §6.8)",
      async (t) => {
        ours.daemon.thaw();
        const addresses = [1, 2].flatMap((third) => numbers.map((n) => `10.0.10${third}.${n}`));
        await lab.until("all 50 are Established for us", () => ours.established(...addresses), { withinSeconds: 60 });
        await lab.until("25 for BIRD", async () => (await bird.countEstablished("s")) === each);
        await lab.until("25 for FRR", async () => (await frrStates()).every((state) => state === "Established"));
        t.ok(
          (await tcpCount(low, "PassiveOpens")) >= each,
          `we did dial BIRD ${await tcpCount(low, "PassiveOpens")} times, ${each} wanted`,
        );
        t.ok(
          (await tcpCount(high, "PassiveOpens")) >= each,
          `we did dial FRR ${await tcpCount(high, "PassiveOpens")} times, ${each} wanted`,
        );
      },
    );

    await step("exactly one connection is left for each, and it stays", async (t) => {
      const pairs = await lab.until("50 connections are left", async () => {
        const pairs = await connections(us);
        return pairs.length === 2 * each ? pairs : false;
      });
      t.equal(new Set(pairs).size, 2 * each, "one for each pair of addresses");
      await holds("the same 50 connections", 5, async () => {
        const now = await connections(us);
        return now.length === pairs.length && now.every((pair) => pairs.includes(pair));
      });
      const { neighbors } = await ours.summary();
      t.ok(neighbors.every((row) => row.state === "Established"));
      const path = await lab.until("FRR has our route 25 times", async () => {
        const paths = await frr.paths("10.77.0.0/24");
        return paths?.length === each ? paths : false;
      });
      t.equal(path.filter((one) => one.best).length, 1);
      t.equal((await bird.paths("10.77.0.0/24")).length, each);
    });

    await step("where our identifier is higher, the connection that we dialled is kept, else theirs", async (t) => {
      const details = (await ours.get("/neighbor")).neighbors as {
        address: string;
        localPort: number;
        remotePort: number;
      }[];
      for (const { address, localPort, remotePort } of details)
        if (address.startsWith("10.0.101.")) t.equal(remotePort, 179, `${address} (BIRD, lower): we dialled`);
        else t.equal(localPort, 179, `${address} (FRR, higher): it dialled`);
    });
  },
);

/** Established BGP connections of a host, as "LOCAL REMOTE" addresses without ports. */
async function connections(host: Host): Promise<string[]> {
  const text = await host.run("ss", "-Htn", "state", "established", "( sport = :179 or dport = :179 )");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) =>
      line
        .trim()
        .split(/\s+/)
        .slice(2, 4)
        .map((end) => end.replace(/:\d+$/, ""))
        .join(" "),
    );
}

/** What a host's TCP has counted, by the name of the MIB (RFC 4022): ActiveOpens, PassiveOpens. */
async function tcpCount(host: Host, name: string): Promise<number> {
  const [names, values] = (await host.run("cat", "/proc/net/snmp"))
    .split("\n")
    .filter((line) => line.startsWith("Tcp:"));
  return Number(values!.split(" ")[names!.split(" ").indexOf(name)]);
}
