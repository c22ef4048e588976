import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { ControlServerOptions } from "../../src/api/server.ts";
import { type CliIo, OutputClosed } from "../../src/cli/io.ts";
import { type Commands, runCli } from "../../src/cli/program.ts";
import { RowSplitter } from "../../src/cli/rows.ts";
import { formatDuration } from "../../src/cli/text/duration.ts";
import { ConfigErrors } from "../../src/config/errors.ts";
import type { RouteRow } from "../../src/view/model.ts";
import { ControlError } from "../../src/view/view-port.ts";
import { serve } from "../support/control-socket.ts";
import { fibRow, hostile, neighbor, path } from "../support/fake-speaker.ts";

interface Outcome {
  code: number;
  out: string;
  err: string;
}

const noCommands: Commands = { run: async () => 0, lab: async () => 0, version: "0.1.0" };

/** Carries out a command line with what it prints caught. */
async function cli(
  words: readonly string[],
  environment: Record<string, string> = {},
  commands = noCommands,
): Promise<Outcome> {
  const outcome: Outcome = { code: -1, out: "", err: "" };
  const io: CliIo = {
    async out(text) {
      outcome.out += text.toString();
    },
    err(text) {
      outcome.err += text;
    },
    environment: (name) => environment[name],
  };
  outcome.code = await runCli(words, commands, io);
  return outcome;
}

/** A daemon, and the command line that asks it. */
async function daemon(t: Test, more: Partial<ControlServerOptions> = {}) {
  const { speaker, socket } = await serve(t, more);
  return { speaker, socket, ask: (...words: string[]) => cli(words, { PEERAGE_SOCKET: socket }) };
}

t.test("summary has FRR's columns in FRR's order, and numbers where a session is up", async (t) => {
  const { ask } = await daemon(t);
  const { code, out, err } = await ask("summary");
  t.equal(err, "");
  t.equal(code, 0);
  const lines = out.split("\n");
  t.match(lines[0], "BGP router identifier 10.0.0.7, local AS number 65001");
  t.match(lines[3], /^Neighbor +V +AS +MsgRcvd +MsgSent +TblVer +InQ +OutQ +Up\/Down +State\/PfxRcd +PfxSnt +Desc$/);
  t.match(lines[4], /^10\.0\.0\.2 +4 +65001 +4 +5 +3 +0 +0 +00:03:09 +2 +3 +-$/);
  t.match(
    lines[5],
    /^\*2001:db8::1 +4 +4200000000 +4 +5 +3 +0 +0 +never +Active +- +gone\\u\{1b\}\[2J\\u\{a\}fishing \\u\{202e\}evil$/,
  );
  t.match(out, /2 neighbors, 1 established\n\* - dynamic neighbor \(1\)\n$/);
});

t.test("--json prints the daemon's JSON, with what a peer wrote escaped but whole", async (t) => {
  const { ask } = await daemon(t);
  const { out } = await ask("summary", "--json");
  const summary = JSON.parse(out);
  t.match(summary.neighbors[0], {
    address: "10.0.0.2",
    remoteAs: 65001,
    prefixes: { received: 2, accepted: 1, advertised: 3 },
    lastError: null,
  });
  t.equal(summary.neighbors[1].description, hostile);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  t.notMatch(out.trimEnd(), /[\u0000-\u001f\u007f-\u009f]/);
});

t.test("summary --check exits with 3 and says who is down and why, after the table", async (t) => {
  const { ask, speaker } = await daemon(t);
  const down = await ask("summary", "--check");
  t.equal(down.code, 3);
  t.match(down.out, /^BGP router identifier/);
  t.match(down.err, /^peerage: 2001:db8::1 is Active: Cease \/ Administrative Shutdown: gone\\u\{1b\}/);
  speaker.details = [neighbor()];
  t.match(await ask("summary", "--check"), { code: 0, err: "" });
  speaker.details = [];
  t.match(await ask("summary", "--check", "--json"), { code: 0, err: "" });
});

t.test("summary --check exits with 3 while the daemon has not come back, though all neighbors are up", async (t) => {
  const { ask, speaker } = await daemon(t);
  speaker.details = [neighbor()];
  speaker.stands = { ...speaker.stands, reasons: ["nothing is decided yet"] };
  t.match(await ask("summary", "--check"), { code: 3, err: "peerage: nothing is decided yet\n" });
  t.equal((await ask("summary")).code, 0);
});

t.test(
  "wait ready says so, with warnings; 3 with what is waited for, 1 without a daemon, 2 for other goals",
  async (t) => {
    const { ask, speaker, socket } = await daemon(t);
    speaker.stands = { ...speaker.stands, warnings: ["neighbor 10.0.0.9 is Active: \u001b"] };
    const done = { code: 0, out: "Ready\nwarning: neighbor 10.0.0.9 is Active: \\u{1b}\n", err: "" };
    t.same(await ask("wait", "ready"), done);
    t.match(JSON.parse((await ask("wait", "ready", "--json")).out), { ready: true, reasons: [] });
    speaker.stands = { ...speaker.stands, ready: false, reasons: ["a", "b"] };
    t.match(await ask("wait", "ready", "--timeout", "0"), {
      code: 3,
      err: "peerage: Not ready after 0 s: a\npeerage: Not ready after 0 s: b\n",
    });
    const nobody = await cli(["wait", "ready", "--timeout", "0", "--socket", `${socket}-none`]);
    t.match(nobody, { code: 1, err: /^peerage: No daemon to ask: there is no socket/ });
    t.match(await ask("wait", "happy"), { code: 2, err: /Cannot wait for "happy": there are ready and converged/ });
    t.equal((await ask("wait", "ready", "--timeout", "soon")).code, 2);
  },
);

t.test("wait waits for a daemon that is still starting, and says so", async (t) => {
  const { ask } = await daemon(t, { isReady: () => false });
  t.match(await ask("wait", "converged", "--timeout", "0"), {
    code: 3,
    err: "peerage: Not converged after 0 s: The daemon is still starting: it says ready when it listens for BGP\n",
  });
});

t.test("commands may be shortened as long as one is meant, and options may stand before them", async (t) => {
  const { ask, socket } = await daemon(t);
  for (const words of [["sum"], ["nei"], ["f"], ["rou"], ["--json", "summary"], ["sum", "--socket", socket]] as const)
    t.equal((await ask(...words)).code, 0, words.join(" "));
  t.equal((await cli(["--socket", socket, "summary"])).code, 0);
  t.equal((await cli([`--socket=${socket}`, "summary"])).code, 0);
  t.match(await cli(["help", "sum"]), { code: 0, out: /^Usage: peerage summary / });
  t.match(await cli(["help", "sumary"]), { code: 2, err: /did you mean "summary"/ });
  t.match(await cli(["help"]), { code: 0, out: /^Usage: peerage \[options\]/ });
  t.match(await ask("re"), { code: 2, err: 'peerage: "re" may mean received, reload, reset\n' });
  t.match(await ask("d"), { code: 2, err: 'peerage: "d" may mean diff, disable, drain, doctor\n' });
  t.match(await ask("sumary"), { code: 2, err: 'peerage: Unknown command "sumary": did you mean "summary"?\n' });
  t.match(await ask("zzz"), { code: 2, err: /^peerage: Unknown command "zzz": there are run, check, summary/ });
});

t.test("wrong usage is 2 with a sentence; with --json the error is JSON", async (t) => {
  const { ask } = await daemon(t);
  t.match(await ask("summary", "--colour"), { code: 2, out: "", err: /^peerage: Unknown option '--colour'/ });
  t.match(await ask("explain"), { code: 2, err: /^peerage: Missing required argument 'prefix'/ });
  t.match(await ask("run"), { code: 2, err: /^peerage: Required option '-c, --config <file>' not specified/ });
  t.match(await ask("reset", "10.0.0.2", "--soft", "both"), { code: 2, err: /Allowed choices are in, out/ });
  t.match(await ask("route", "--longer"), { code: 2, err: "peerage: --longer needs a prefix\n" });
  t.match(await ask("route", "10.0.0.1/8"), { code: 2, err: /must have no bits set behind its length/ });
  t.match(await ask("summary", "extra"), { code: 2, err: /^peerage: Too many arguments/ });
  t.match(await ask("drain", "--wait", "soon"), { code: 2, err: /must be a number of seconds/ });
  const json = await ask("explain", "nonsense", "--json");
  t.equal(json.code, 2);
  t.same(JSON.parse(json.err), {
    error: { message: 'Cannot use "nonsense": it must be a prefix or an address', place: null },
  });
});

t.test("help and version are no errors, and go to stdout", async (t) => {
  t.match(await cli(["--version"]), { code: 0, out: "0.1.0\n", err: "" });
  const help = await cli(["--help"]);
  t.match(help, { code: 0, err: "" });
  for (const command of [
    "run",
    "check",
    "summary",
    "neighbor",
    "route",
    "received",
    "advertised",
    "fib",
    "explain",
    "diff",
    "reload",
    "reset",
    "drain",
    "doctor",
    "lab",
  ])
    t.match(help.out, new RegExp(`^  ${command} `, "m"), command);
  t.match(await cli(["route", "--help"]), { code: 0, out: /--longer/, err: "" });
  t.match(await cli([]), { code: 0, out: /Usage: peerage/ });
});

t.test("a daemon that isn't there is 1, with the way out; an unknown neighbor too", async (t) => {
  const { ask } = await daemon(t);
  const absent = await cli(["summary", "--socket", "/nonexistent/s"]);
  t.match(absent, {
    code: 1,
    out: "",
    err: "peerage: No daemon to ask: there is no socket /nonexistent/s (--socket or $PEERAGE_SOCKET names another)\n",
  });
  const json = await cli(["summary", "--socket", "/nonexistent/s", "--json"]);
  t.match(JSON.parse(json.err), { error: { message: /^No daemon to ask/, place: null } });
  for (const words of [
    ["neighbor", "10.9.9.9"],
    ["received", "10.9.9.9"],
    ["advertised", "10.9.9.9"],
    ["reset", "10.9.9.9"],
  ] as const)
    t.match(await ask(...words), { code: 1, err: "peerage: There is no neighbor 10.9.9.9\n" }, words[0]);
});

t.test("neighbor tells state, reasons, timers, capabilities and counters of each", async (t) => {
  const { ask } = await daemon(t);
  const { out } = await ask("neighbor");
  t.match(out, /^Neighbor 10\.0\.0\.2, AS 65001, internal\n {2}State: +Established, up for 00:03:09, 0 flaps\n/);
  t.match(
    out,
    / +Timers: +hold 90 s, keepalive 30 s, connect retry 5 s, advertisement interval 0 s, last heard 00:00:02 ago\n/,
  );
  t.match(out, / +Connection: +10\.0\.0\.7 port 40001 to 10\.0\.0\.2 port 179, local AS 65001\n/);
  t.match(
    out,
    / +Last error: +2026-11-21T09:03:11\.123Z received 6\/2: Cease \/ Administrative Shutdown: gone\\u\{1b\}\[2J\\u\{a\}fishing/,
  );
  t.match(out, / +ipv4-unicast +2 +1 +3 +received, sent +- +-\n/);
  t.match(out, / +four-octet-as +65001 +65001 +yes\n/);
  t.match(out, / +received +1 +2 +0 +3 +0\n/);
  t.match(out, /Neighbor 2001:db8::1, AS 4200000000, internal, dynamic\n/);
  t.notOk(out.includes("\u001b"));
  const one = JSON.parse((await ask("neighbor", "2001:DB8::1", "--json")).out);
  t.equal(one.neighbors.length, 1);
});

t.test("routes come sorted, one line for each path, with marks as in FRR", async (t) => {
  const { ask, speaker } = await daemon(t);
  speaker.rows = [
    [{ prefix: "2001:db8::/32", paths: [path({ nextHop: "2001:db8::1" })] }],
    [
      {
        prefix: "172.17.10.0/24",
        paths: [
          path({ asPath: [65001, [65002, 65003]], origin: "incomplete", med: 5, pathId: 7 }),
          path({ best: false, multipath: true }),
          path({ best: false, valid: false, from: "self", nextHop: null, localPref: null }),
          path({ best: false, rejectedBy: "as-loop", valid: false, stale: true }),
        ],
      },
      { prefix: "172.17.9.0/24", paths: [path()] },
    ],
  ];
  const { out, code } = await ask("route");
  t.equal(code, 0);
  t.same(
    out.split("\n").map((line) => line.replaceAll(/ +/g, " ")),
    [
      " Prefix Next hop From LocPref MED Path",
      "*> 172.17.9.0/24 10.0.0.2 10.0.0.2 100 - i",
      "*> 172.17.10.0/24 10.0.0.2 10.0.0.2 (7) 100 5 65001 {65002,65003} ?",
      "*= 10.0.0.2 10.0.0.2 100 - i",
      "- - self - - i",
      "x S 10.0.0.2 10.0.0.2 100 - i",
      "*> 2001:db8::/32 2001:db8::1 10.0.0.2 100 - i",
      "",
      "3 prefixes, 6 paths",
      "*> best *= multipath * valid - not usable x rejected S stale",
      "(N) behind From: the ADD-PATH id by which the neighbor tells its paths of one prefix apart",
      "",
    ],
  );
});

t.test("one prefix is told in detail; an unknown one is no error", async (t) => {
  const { ask, speaker } = await daemon(t);
  speaker.rows = [
    [
      {
        prefix: "172.17.9.0/24",
        paths: [
          path({ communities: ["65001:100", "65535:65281"], originatorId: "10.0.0.3", clusterList: ["10.0.0.1"] }),
        ],
      },
    ],
  ];
  const { out } = await ask("route", "172.17.9.0/24");
  t.match(
    out,
    /^172\.17\.9\.0\/24, 1 path\n {2}\*> from 10\.0\.0\.2, next hop 10\.0\.0\.2\n {5}AS path: i\n {5}local-pref: 100\n {5}communities: 65001:100 no-export\n {5}originator: 10\.0\.0\.3\n {5}cluster list: 10\.0\.0\.1\n$/,
  );
  t.match(speaker.queries[0], { prefix: { text: "172.17.9.0/24" } });
  speaker.rows = [];
  t.match(await ask("route", "10.0.0.0/8"), { code: 0, out: "No route for 10.0.0.0/8\n", err: "" });
  t.match(await ask("route", "10.0.0.0/8", "--json"), { code: 0, out: '{"routes":[]}\n' });
  t.match(await ask("route"), { code: 0, out: "No routes\n" });
});

t.test("the options of route reach the daemon", async (t) => {
  const { ask, speaker } = await daemon(t);
  await ask("route", "10.0.0.0/8", "--longer", "--family", "ipv4-unicast", "--from", "10.0.0.2");
  t.match(speaker.queries[0], { prefix: { text: "10.0.0.0/8" }, longer: true, family: 0, from: "10.0.0.2" });
  t.match(await ask("route", "--family", "ipx"), { code: 2 });
});

t.test("received and advertised show the line of the policy", async (t) => {
  const { ask, speaker } = await daemon(t);
  speaker.rows = [
    [
      {
        prefix: "172.17.9.0/24",
        paths: [
          path({
            best: false,
            valid: false,
            rejectedBy: "accept-blocks",
            policy: { verdict: "reject", name: "accept-blocks", line: 12, reason: "no term accepts it" },
          }),
        ],
      },
    ],
  ];
  t.match(
    (await ask("received", "10.0.0.2")).out,
    /x +172\.17\.9\.0\/24 .* rejected by accept-blocks line 12: no term accepts it\n/,
  );
  t.match((await ask("advertised", "10.0.0.2", "172.17.9.0/24")).out, / policy: rejected by accept-blocks line 12/);
  t.same(speaker.told, ["received 10.0.0.2", "advertised 10.0.0.2"]);
});

t.test("a very long table is shown as it comes, and stops where its reader does", async (t) => {
  const { speaker, socket } = await daemon(t);
  let walked = 0;
  speaker.rows = (function* () {
    for (let i = 0; i < 400; i++) {
      walked++;
      yield Array.from(
        { length: 250 },
        (_, j): RouteRow => ({ prefix: `10.${i >> 8}.${i & 255}.${j}/32`, paths: [path()] }),
      );
    }
  })() as unknown as RouteRow[][];
  let lines = 0;
  const io: CliIo = {
    async out(text) {
      lines += text.toString().split("\n").length - 1;
      if (lines > 1000) throw new OutputClosed();
    },
    err: (text) => t.fail(text),
    environment: () => socket,
  };
  t.equal(await runCli(["route"], noCommands, io), 0, "`| head` is no failure");
  t.ok(walked < 400, `${walked} slices of 400 were walked`);
});

t.test(
  "fib shows intent beside kernel in the words of ip route; --check exits with 3 unless all is installed",
  async (t) => {
    const { ask, speaker } = await daemon(t);
    t.match(await ask("fib", "--check"), {
      code: 0,
      out: /172\.17\.9\.0\/24 +via 192\.168\.100\.101 dev eth0 onlink +main +bgp +32 +installed\n/,
    });
    speaker.fibRows = [
      [
        fibRow(),
        fibRow({ prefix: "172.17.8.0/24", type: "blackhole", nextHops: [] }),
        fibRow({ prefix: "172.17.10.0/24", state: "overridden", owner: "static" }),
        fibRow({ prefix: "172.17.11.0/24", state: "failed", error: "Nexthop has invalid gateway", table: 100 }),
        fibRow({
          prefix: "172.17.12.0/24",
          nextHops: [
            { via: "10.0.0.1", dev: "eth0", onlink: false, weight: 1 },
            { via: null, dev: "eth1", onlink: false, weight: 2 },
          ],
        }),
        fibRow({ prefix: "172.17.13.0/24", stale: true }),
        fibRow({ prefix: "172.17.14.0/24", state: "pending", kernel: { type: "blackhole", nextHops: [] } }),
      ],
    ];
    const { out, err, code } = await ask("fib", "--check");
    t.equal(code, 3);
    t.match(err, /^peerage: [23] routes are not in the kernel as wanted\n$/);
    t.match(out, /172\.17\.13\.0\/24 .* installed, stale\n/);
    t.match(out, /172\.17\.14\.0\/24 .* pending; the kernel has blackhole\n/);
    t.match(out, /172\.17\.8\.0\/24 +blackhole +main/);
    t.match(out, /overridden by static\n/);
    t.match(out, / 100 +bgp +32 +failed: Nexthop has invalid gateway\n/);
    t.match(out, /via 10\.0\.0\.1 dev eth0 weight 1, dev eth1 weight 2/);
    const json = await ask("fib", "--check", "--json");
    t.equal(json.code, 3);
    t.equal(JSON.parse(json.out).routes.length, 7);
    t.match(JSON.parse(json.err), { error: { message: /[23] routes/ } });
    speaker.fibRows = [];
    t.match(await ask("fib", "--check"), { code: 0, out: "No routes are wanted in the kernel\n" });
  },
);

t.test("fib names the tunnels that aren't as configured, and --check counts them", async (t) => {
  const { ask, speaker } = await daemon(t);
  const fine = { device: "vxlan.bgp", kind: "vxlan", usable: true, problem: null } as const;
  speaker.tunnelRows = [fine];
  t.match(await ask("fib", "--check"), { code: 0, err: "" });
  speaker.tunnelRows = [fine, { ...fine, device: "tunl0", problem: "has MTU 1300, 1480 is wanted" }];
  t.match(await ask("fib"), { code: 0, out: /installed\nTunnel tunl0: has MTU 1300, 1480 is wanted\n$/ });
  t.match(await ask("fib", "--check"), { code: 3, err: "peerage: tunnel tunl0 is not as wanted\n" });
  const json = await ask("fib", "--check", "--json");
  t.match([json.code, Object.keys(JSON.parse(json.out))], [3, ["routes"]]);
});

t.test("explain tells the way of a prefix in sentences", async (t) => {
  const { ask, speaker } = await daemon(t);
  speaker.explanation = {
    prefix: "172.17.9.0/24",
    received: [
      { ...path(), policy: { verdict: "accept", name: "ibgp-default", line: null }, lostAt: null },
      {
        ...path({ best: false, from: "10.0.0.3" }),
        policy: { verdict: "accept", name: "blocks", line: 7 },
        lostAt: "router id 10.0.0.3 is higher",
      },
    ],
    decision: { best: "10.0.0.2", text: "10.0.0.2 won by the lowest router id" },
    nextHop: {
      address: "10.0.0.2",
      reachable: true,
      metric: 0,
      via: "10.0.0.2",
      dev: "eth0",
      text: "10.0.0.2 is connected on eth0",
    },
    kernel: { intended: fibRow(), state: "installed", text: "The kernel has it as wanted" },
    advertised: [
      { address: "10.0.0.4", description: "node 4", sent: true, reason: "reflected", nextHop: "10.0.0.2" },
      { address: "10.0.0.2", description: "", sent: false, reason: "it came from there", nextHop: null },
    ],
  };
  t.equal(
    (await ask("explain", "172.17.9.3")).out,
    `172.17.9.3 is in 172.17.9.0/24

Received
  *> from 10.0.0.2, next hop 10.0.0.2, path i, local-pref 100
      accepted by ibgp-default
  *  from 10.0.0.3, next hop 10.0.0.2, path i, local-pref 100
      accepted by blocks line 7
      lost at: router id 10.0.0.3 is higher
Decision
  10.0.0.2 won by the lowest router id
Next hop
  10.0.0.2 is connected on eth0
Kernel
  The kernel has it as wanted
  172.17.9.0/24 via 192.168.100.101 dev eth0 onlink: installed
Advertised
  10.0.0.4 (node 4): sent with next hop 10.0.0.2: reflected
  10.0.0.2: not sent: it came from there
`,
  );
});

t.test("reset, reload, diff and drain tell the daemon, and what came of it", async (t) => {
  const { ask, speaker } = await daemon(t);
  t.match(await ask("reset", "10.0.0.2"), { code: 0, out: "10.0.0.2 was reset\n" });
  t.match(await ask("reset", "10.0.0.2", "--soft", "in"), {
    code: 0,
    out: "10.0.0.2 was asked for its routes again\n",
  });
  t.match(await ask("reload"), { code: 0, out: "Nothing changes\n" });
  speaker.report = {
    router: ["router.cluster-id: 10.0.0.7 -> 10.0.0.8"],
    neighbors: [
      { address: "10.0.0.2", change: "restart", reasons: ["timers.hold-time: 90 -> 30"] },
      { address: "10.0.0.9", change: "added", reasons: [] },
    ],
    others: ["own prefix 10.1.0.0/24 added"],
    warnings: ["bgp.yaml:3:1: beware"],
    unchangedNeighbors: 1,
  };
  const folder = t.testdir({ "new.yaml": "router: {as: 65001, router-id: 10.0.0.7}\n" });
  t.equal(
    (await ask("diff", join(folder, "new.yaml"))).out,
    `router.cluster-id: 10.0.0.7 -> 10.0.0.8
neighbor 10.0.0.2 restarts
  timers.hold-time: 90 -> 30
neighbor 10.0.0.9 is new
own prefix 10.1.0.0/24 added
1 neighbor is not concerned
warning: bgp.yaml:3:1: beware
`,
  );
  t.match(await ask("disable", "10.0.0.2", "--text", "new cables"), { code: 0, out: "10.0.0.2 is disabled\n" });
  t.match(await ask("enable", "--group", "racks"), { code: 0, out: "10.0.0.2 is enabled\n" });
  t.match(await ask("drain", "10.0.0.2"), { code: 0, out: "10.0.0.2 is drained\n" });
  for (const words of [["disable"], ["enable", "10.0.0.2", "--group", "racks"]])
    t.match(await ask(...words), { code: 2, err: /needs the address of a neighbor, or --group NAME/ });
  t.match(await ask("disable", "10.0.0.2", "--text", "x".repeat(256)), { code: 2, err: /at most 255 octets/ });
  t.match(await ask("drain", "--wait", "3"), { code: 0, out: "All peers have taken everything\n" });
  t.same(speaker.told, [
    "reset 10.0.0.2 hard",
    "reset 10.0.0.2 in",
    "reload",
    `diff ${join(folder, "new.yaml")}`,
    "disable 10.0.0.2 new cables",
    "enable group racks",
    "drain 10.0.0.2",
    "drain 3",
  ]);
  speaker.drained = { complete: false, waitingFor: ["10.0.0.2"], text: "The time is up" };
  t.match(await ask("drain"), {
    code: 3,
    out: "The time is up\n",
    err: "peerage: Not all was taken in time; still waiting for 10.0.0.2\n",
  });
});

t.test("a config that the daemon refuses is 2 with each fault at its place", async (t) => {
  const { ask, speaker } = await daemon(t);
  speaker.refusal = new ControlError("bad-config", "two", [
    { message: "Cannot use a", place: "bgp.yaml:3:1" },
    { message: "Cannot use b", place: "bgp.yaml:4:1" },
  ]);
  t.match(await ask("reload"), { code: 2, out: "", err: "bgp.yaml:3:1: Cannot use a\nbgp.yaml:4:1: Cannot use b\n" });
  t.same(JSON.parse((await ask("reload", "--json")).err), {
    error: { message: "Cannot use a", place: "bgp.yaml:3:1" },
    errors: [
      { message: "Cannot use a", place: "bgp.yaml:3:1" },
      { message: "Cannot use b", place: "bgp.yaml:4:1" },
    ],
  });
});

t.test("check --as reads a config that all nodes share as on one of them, wherever it is", async (t) => {
  const folder = t.testdir({
    "nodes.yaml":
      "nodes:\n  - {name: one, address: 192.0.2.1, labels: {zone: a}}\n  - {name: two, address: 192.0.2.2}\n  - {name: three, address: 192.0.2.3}\n",
    "all.yaml":
      "router: {as: 65001, address: {interface: eth9}}\ntopology: {mode: mesh, inventory: {file: nodes.yaml}}\n",
  });
  const file = join(folder, "all.yaml");
  t.match(await cli(["check", file]), { code: 2, err: /no node of .*nodes\.yaml has .* of this machine/ });
  const two = await cli(["check", file, "--as", "two"]);
  t.match(two, { code: 0, out: /AS 65001, router-id 192\.0\.2\.2, 2 neighbors/ });
  t.match(two.err, /^\S*nodes\.yaml:2:37: warning: labels are for people: this version does nothing with them\n$/);
  t.match(await cli(["check", file, "--as", "four"]), { code: 2 });
});

t.test("check tells that a config is valid, or each error as FILE:LINE:COL: text with exit code 2", async (t) => {
  const good = await cli(["check", "config/rack-reflector.yaml"]);
  t.match(good, {
    code: 0,
    err: "",
    out: "config/rack-reflector.yaml: valid, AS 65001, router-id 192.168.100.1, 1 neighbor, 1 range, 1 policy\n",
  });
  const file = "test/config/broken/01-timers.yaml";
  const bad = await cli(["check", file]);
  t.equal(bad.code, 2);
  t.equal(bad.out, "");
  t.equal(bad.err, readFileSync(file.replace("yaml", "expected"), "utf8").replaceAll(/^01/gm, "test/config/broken/01"));
  const json = await cli(["check", file, "--json"]);
  t.equal(json.code, 2);
  t.match(JSON.parse(json.err), { error: { message: /hold-time/, place: `${file}:9:18` } });
  t.equal(JSON.parse(json.err).errors.length, 4);
  t.match(await cli(["check", "no/such.yaml"]), {
    code: 2,
    err: "no/such.yaml:1:1: Cannot read the config file: there is no such file\n",
  });
});

t.test("check --effective prints every default, and no secret", async (t) => {
  const yaml = await cli(["check", "config/node.yaml", "--effective"]);
  t.match(yaml.out, /hold-time: 30\n +keepalive: 10\n +connect-retry: 5\n/);
  const json = JSON.parse((await cli(["check", "test/config/every-key.yaml", "--effective", "--json"])).out);
  t.same(json.effective.neighbors[0].password, { file: "broken/bgp-password" });
  const all = await cli(["check", "test/config/every-key.yaml", "--effective"]);
  t.notMatch(all.out, /s3cret/);
  t.match(all.out, /password:\n +file: broken\/bgp-password/);
});

t.test("run and lab are handed over with their options; what they throw is one sentence", async (t) => {
  const told: unknown[] = [];
  const commands: Commands = {
    version: "0.1.0",
    run: async (options) => {
      told.push(options);
      return 0;
    },
    lab: async (options) => {
      told.push(options);
      return 7;
    },
  };
  t.equal((await cli(["run", "-c", "a.yaml"], {}, commands)).code, 0);
  t.equal((await cli(["lab"], {}, commands)).code, 7);
  await cli(["lab", "rack.yaml", "--no-root"], {}, commands);
  t.same(told, [{ config: "a.yaml" }, { file: null, root: true }, { file: "rack.yaml", root: false }]);
  const failing = (error: Error): Commands => ({ ...commands, run: () => Promise.reject(error) });
  t.match(await cli(["run", "-c", "a"], {}, failing(new Error("Port 179 is in use"))), {
    code: 1,
    err: "peerage: Port 179 is in use\n",
  });
  const { ConfigError } = await import("../../src/config/errors.ts");
  const faults = new ConfigErrors([new ConfigError("bad", { file: "a.yaml", line: 2, column: 3 })]);
  t.match(await cli(["run", "-c", "a"], {}, failing(faults)), { code: 2, err: "a.yaml:2:3: bad\n" });
});

t.test("durations are as in FRR", async (t) => {
  t.same([null, 0, 189, 86_399, 93_600, 604_800 + 86_400 * 3, -5].map(formatDuration), [
    "never",
    "00:00:00",
    "00:03:09",
    "23:59:59",
    "1d02h",
    "1w3d",
    "00:00:00",
  ]);
});

t.test("rows are found however the answer is cut, with any character in them", async (t) => {
  const rows = [
    { prefix: '10.0.0.0/8 "}],[{\\', paths: [[1, [2]], { a: "[" }] },
    { prefix: "ü\u{1f600}", paths: [] },
  ];
  const bytes = Buffer.from(`{"routes":[${rows.map((row) => JSON.stringify(row)).join(",")}]}\n`);
  for (let size = 1; size < bytes.length; size++) {
    const splitter = new RowSplitter<object>();
    const found: object[] = [];
    for (let at = 0; at < bytes.length; at += size) found.push(...splitter.push(bytes.subarray(at, at + size)));
    t.same(found, rows, `pieces of ${size}`);
  }
});

t.test("output into a pipe whose reader is gone ends quietly, and nothing is lost into one that is slow", async (t) => {
  const program = (words: string) => `
    import { processIo } from ${JSON.stringify(new URL("../../src/cli/io.js", import.meta.url).href)};
    import { runCli } from ${JSON.stringify(new URL("../../src/cli/program.js", import.meta.url).href)};
    const commands = { version: "0", run: async () => 0, lab: async () => 0 };
    process.exitCode = await runCli(${words}, commands, processIo(process));`;
  const { socket, speaker } = await daemon(t);
  speaker.rows = Array.from({ length: 400 }, (_, i) =>
    Array.from({ length: 50 }, (_, j): RouteRow => ({ prefix: `10.${i >> 8}.${i & 255}.${j}/32`, paths: [path()] })),
  );
  const start = () =>
    spawn(process.execPath, ["--input-type=module", "-e", program('["route", "--json"]')], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PEERAGE_SOCKET: socket },
    });
  const head = start();
  let complaint = "";
  head.stderr.on("data", (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  await once(head.stdout, "data");
  head.stdout.destroy();
  t.same([(await once(head, "close"))[0], complaint], [0, ""]);

  const slow = start();
  let text = "";
  for await (const chunk of slow.stdout) {
    text += String(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.equal(JSON.parse(text).routes.length, 20_000);
});

t.test("docs/cli.md names every command and every option", async (t) => {
  const page = readFileSync("docs/cli.md", "utf8");
  const { out } = await cli(["--help"]);
  const commands = [...out.matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1]!).filter((name) => name !== "help");
  t.ok(commands.length > 10, commands.join(", "));
  for (const name of commands) {
    t.match(page, `\`peerage ${name}`, name);
    const help = (await cli([name, "--help"])).out;
    for (const [option] of help.matchAll(/--[a-z-]+/g))
      if (option !== "--help") t.ok(page.includes(option) || option === "--config", `${name} ${option}`);
  }
});

t.test(
  "a daemon that answers too many already says so: 1, and JSON with --json; short questions are answered all the same",
  async (t) => {
    const { speaker, ask } = await daemon(t, { bounds: { longAnswers: 0 } });
    speaker.rows = [[{ prefix: "10.0.0.0/8", paths: [path()] }]];
    t.same(await ask("route"), { code: 1, out: "", err: "peerage: 0 long answers are under way already: try again\n" });
    const { code, err } = await ask("route", "--json");
    t.equal(code, 1);
    t.same(JSON.parse(err), { error: { message: "0 long answers are under way already: try again", place: null } });
    t.equal((await ask("summary")).code, 0);
  },
);
