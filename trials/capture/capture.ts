import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runNow } from "../../testbed/command.ts";
import { chosen, orUsage } from "../../testbed/command-line.ts";
import { Bird } from "../../testbed/daemons/bird.ts";
import { Daemon } from "../../testbed/daemons/daemon.ts";
import { Frr } from "../../testbed/daemons/frr.ts";
import { GoBgp } from "../../testbed/daemons/gobgp.ts";
import { Lab } from "../../testbed/lab.ts";
import { capability, hex, message, u32, update } from "../../testbed/speaker/octets.ts";
import type { CaptureOptions } from "./speaker.ts";

/**
 * Makes the golden messages of test/wire/golden anew, from real FRR, BIRD and GoBGP (as root, after `npm run build`):
 * `node dist/trials/capture/capture.js [frr] [bird] [gobgp]`. The daemon (10.0.0.1, AS 65001) has these peers, each a
 * `speaker.ts`:
 *
 * | peer    | address   | AS         | agreed                                                                        |
 * |---------|-----------|------------|-------------------------------------------------------------------------------|
 * | feeder  | 10.0.0.4  | 4200000001 | 4-octet AS; announces routes with rich attributes                             |
 * | client  | 10.0.0.5  | 65001      | reflector client, 4-octet AS; announces one route                             |
 * | witness | 10.0.0.2  | 65001      | reflector client, IPv4 and IPv6, 4-octet AS, everything but ADD-PATH; asks for a refresh |
 * | old     | 10.0.0.3  | 65010      | two-octet AS, no multiprotocol                                                |
 * | paths   | 10.0.0.6  | 65001      | reflector client, IPv4 and IPv6, 4-octet AS, ADD-PATH both ways               |
 */

const offer = {
  ipv4: capability(1, "00010001"),
  ipv6: capability(1, "00020001"),
  refresh: capability(2),
  nextHop: capability(5, "000100010002"),
  extended: capability(6),
  restart: capability(64, "c078"),
  addPath: capability(69, "0001010300020103"),
  enhanced: capability(70),
  as4: (as: number) => capability(65, u32(as)),
};

/** AS_PATH 4200000001 65536 {64512 64513}. */
const path = `400214${"0202"}fa56ea0100010000${"0102"}0000fc000000fc01`;
const fed = [
  "40010100",
  path,
  "4003040a000004",
  "800404000000c8", // MULTI_EXIT_DISC 200
  "400600", // ATOMIC_AGGREGATE
  "c00708000100000a000004", // AGGREGATOR 65536 10.0.0.4
  "c0080cfde80001fde80002ffff029a", // 65000:1 65000:2 blackhole
  "c010080002fde900000064", // route target 65001:100
  "e0630401020304", // attribute 99, optional transitive partial
  "c02018000100000000000100000002000100000000000300000004", // 65536:1:2 65536:3:4
].join("");
const plain = ["40010102", `400206${"0201"}fa56ea01`, "4003040a000004"].join("");
const own = ["40010100", "400200", "4003040a000005", "40050400000064"].join("");

const speakers = (to: string): Record<string, CaptureOptions> => {
  const speaker = (
    last: number,
    as: number,
    capabilities: readonly string[],
    send: readonly Uint8Array[] = [],
    sendLater: readonly Uint8Array[] = [],
  ): CaptureOptions => ({
    to,
    local: `10.0.0.${last}`,
    who: { as, routerId: `10.0.0.${last}`, capabilities },
    send: send.map(hex),
    sendLater: sendLater.map(hex),
  });
  const full = [offer.ipv4, offer.ipv6, offer.refresh, offer.as4(65001)];
  return {
    feeder: speaker(
      4,
      4200000001,
      [offer.ipv4, offer.refresh, offer.as4(4200000001)],
      [update({ attributes: fed, nlri: "18c63364" }), update({ attributes: plain, nlri: "18c6336518c63366" })],
      // Two seconds later one of them is withdrawn.
      [update({ withdrawn: "18c63366" })],
    ),
    client: speaker(
      5,
      65001,
      [offer.ipv4, offer.refresh, offer.as4(65001)],
      [update({ attributes: own, nlri: "18cb0071" })],
    ),
    witness: speaker(
      2,
      65001,
      [...full, offer.nextHop, offer.extended, offer.restart, offer.enhanced],
      [],
      [message(5, "00010001")],
    ),
    old: speaker(3, 65010, []),
    paths: speaker(6, 65001, [...full, offer.addPath]),
  };
};

const bird = (host: ConstructorParameters<typeof Bird>[0]) =>
  new Bird(
    host,
    `
router id 10.0.0.1;
protocol direct { ipv4; ipv6; }
protocol static { ipv4; route 10.1.0.0/24 blackhole { bgp_large_community.add((65001, 1, 2)); bgp_community.add((65001, 7)); }; }
protocol static { ipv6; route 2001:db8:1::/48 blackhole; route 2001:db8:2::/64 blackhole; }
template bgp peer {
  local 10.0.0.1 as 65001; passive; hold time 90; enable extended messages; advertise hostname on;
  ipv4 { import all; export where source ~ [RTS_BGP, RTS_STATIC]; next hop self ebgp; };
}
template bgp inner from peer {
  rr client; rr cluster id 10.0.0.250; long lived graceful restart; graceful restart;
  ipv6 { import all; export where source ~ [RTS_BGP, RTS_STATIC]; next hop address fd00::1; };
}
protocol bgp feeder from peer { neighbor 10.0.0.4 as 4200000001; }
protocol bgp inside from peer { neighbor 10.0.0.5 as 65001; rr client; rr cluster id 10.0.0.250; }
protocol bgp witness from inner { neighbor 10.0.0.2 as 65001; }
protocol bgp old from peer { neighbor 10.0.0.3 as 65010; }
protocol bgp several from inner { neighbor 10.0.0.6 as 65001; ipv4 { add paths; }; ipv6 { add paths; }; }
`,
  );

const frr = (host: ConstructorParameters<typeof Frr>[0]) =>
  new Frr(
    host,
    `
hostname reflector
route-map tag permit 10
 set large-community 65001:1:2
 set community 65001:7
router bgp 65001
 bgp router-id 10.0.0.1
 bgp cluster-id 10.0.0.250
 no bgp ebgp-requires-policy
 no bgp network import-check
 coalesce-time 0
 neighbor 10.0.0.2 remote-as 65001
 neighbor 10.0.0.3 remote-as 65010
 neighbor 10.0.0.4 remote-as 4200000001
 neighbor 10.0.0.5 remote-as 65001
 neighbor 10.0.0.6 remote-as 65001
 neighbor 10.0.0.2 timers 30 90
 neighbor 10.0.0.2 capability extended-nexthop
 neighbor 10.0.0.3 dont-capability-negotiate
 address-family ipv4 unicast
  network 10.1.0.0/24 route-map tag
  neighbor 10.0.0.2 route-reflector-client
  neighbor 10.0.0.5 route-reflector-client
  neighbor 10.0.0.6 route-reflector-client
  neighbor 10.0.0.6 addpath-tx-all-paths
 exit-address-family
 address-family ipv6 unicast
  network 2001:db8:1::/48
  network 2001:db8:2::/64
  neighbor 10.0.0.2 activate
  neighbor 10.0.0.2 route-reflector-client
  neighbor 10.0.0.6 activate
  neighbor 10.0.0.6 route-reflector-client
  neighbor 10.0.0.6 addpath-tx-all-paths
 exit-address-family
`,
  );

const gobgp = (host: ConstructorParameters<typeof GoBgp>[0]) => {
  const neighbor = (address: string, as: number, more: string) => `
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${address}"
    peer-as = ${as}
  [neighbors.transport.config]
    passive-mode = true
${more}`;
  const family = (name: string, addPath: boolean) => `
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${name}"
    [neighbors.afi-safis.add-paths.config]
      receive = ${addPath}
      send-max = ${addPath ? 8 : 0}`;
  const client = `
  [neighbors.route-reflector.config]
    route-reflector-client = true
    route-reflector-cluster-id = "10.0.0.250"`;
  const restart = `
  [neighbors.graceful-restart.config]
    enabled = true
    restart-time = 120
    notification-enabled = true`;
  return new GoBgp(
    host,
    `
[global.config]
  as = 65001
  router-id = "10.0.0.1"
${neighbor("10.0.0.2", 65001, client + restart + family("ipv4-unicast", false) + family("ipv6-unicast", false))}
${neighbor("10.0.0.3", 65010, family("ipv4-unicast", false))}
${neighbor("10.0.0.4", 4200000001, family("ipv4-unicast", false))}
${neighbor("10.0.0.5", 65001, client + family("ipv4-unicast", false))}
${neighbor("10.0.0.6", 65001, client + family("ipv4-unicast", true) + family("ipv6-unicast", true))}
`,
  );
};

interface Golden {
  readonly peer: string;
  readonly type: string;
  readonly hex: string;
}

const types = ["", "OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH"];
const speakerFile = fileURLToPath(new URL("./speaker.js", import.meta.url));

/** Version, and how the operator asks the witness for a refresh and then shuts it down with a text. */
interface Subject {
  readonly version: string;
  start(): Promise<unknown>;
  prepare(): Promise<unknown>;
  refresh: (() => Promise<unknown>) | null;
  shutdown(): Promise<unknown>;
}

const version = (command: string[], pattern: RegExp): string => {
  const { stdout, stderr } = runNow(command);
  return pattern.exec(stdout + stderr)?.[1] ?? "unknown";
};

function subjectOf(name: string, host: ReturnType<Lab["host"]>): Subject {
  if (name === "bird") {
    const it = bird(host);
    return {
      version: `BIRD ${version(["bird", "--version"], /version (\S+)/)}`,
      start: () => it.start(),
      prepare: async () => {},
      refresh: () => it.birdc("reload in witness"),
      shutdown: () => host.run("birdc", "-s", `${host.directory}/bird.ctl`, `disable witness "maintenance until 4"`),
    };
  }
  if (name === "frr") {
    const it = frr(host);
    return {
      version: `FRR ${version(["/usr/lib/frr/bgpd", "--version"], /version (\S+)/)}`,
      start: () => it.start(),
      prepare: async () => {},
      refresh: () => it.vtysh("clear bgp ipv4 unicast 10.0.0.2 soft in"),
      shutdown: () => it.configure("router bgp 65001", "neighbor 10.0.0.2 shutdown message maintenance until 4"),
    };
  }
  const it = gobgp(host);
  return {
    version: `GoBGP ${version(["gobgpd", "--version"], /version (\S+)/)}`,
    start: () => it.start(),
    prepare: async () => {
      await it.gobgp("global", "rib", "add", "10.1.0.0/24", "community", "65001:7", "large-community", "65001:1:2");
      for (const prefix of ["2001:db8:1::/48", "2001:db8:2::/64"])
        await it.gobgp("global", "rib", "add", "-a", "ipv6", prefix, "nexthop", "fd00::1");
    },
    refresh: null, // it keeps what it received, and asks for nothing
    shutdown: () => it.gobgp("neighbor", "10.0.0.2", "shutdown", "maintenance until 4"),
  };
}

async function capture(name: string): Promise<void> {
  const lab = new Lab();
  try {
    const lan = lab.switch("wire-lan");
    const plug = (host: string, last: number) =>
      lab.host(`wire-${host}`).plug(lan, { addresses: [`10.0.0.${last}/24`, `fd00::${last}/64`] });
    const subject = subjectOf(name, plug(name, 1));
    await subject.start();
    await subject.prepare();
    const daemons = new Map<string, Daemon>();
    for (const [peer, options] of Object.entries(speakers("10.0.0.1"))) {
      const host = plug(peer, Number(options.local.split(".")[3]));
      daemons.set(peer, new Daemon(host, peer, [process.execPath, speakerFile, JSON.stringify(options)]));
    }
    const lines = (peer: string) => daemons.get(peer)!.output.trim().split("\n").filter(Boolean);
    const saw = (peer: string, type: string) => lines(peer).some((line) => line.slice(36, 38) === type);
    await lab.until("the witness has the withdrawal", () =>
      lines("witness").some((line) => line.slice(36, 42) === "020004"),
    );
    if (subject.refresh !== null) {
      await subject.refresh();
      await lab.until("the witness was asked for a refresh", () => saw("witness", "05"));
    }
    await subject.shutdown();
    await lab.until("the witness was told goodbye", () => saw("witness", "03"));
    const goldens: Golden[] = [];
    for (const peer of daemons.keys())
      for (const hex of new Set(lines(peer)))
        goldens.push({ peer, type: types[Number.parseInt(hex.slice(36, 38), 16)]!, hex });
    mkdirSync("test/wire/golden", { recursive: true });
    writeFileSync(
      `test/wire/golden/${name}.json`,
      `{\n "madeBy": ${JSON.stringify(subject.version)},\n "messages": [\n  ${goldens.map((golden) => JSON.stringify(golden)).join(",\n  ")}\n ]\n}\n`,
    );
    console.log(`${name}: ${goldens.length} messages by ${subject.version}`);
  } catch (error) {
    console.log(lab.logs());
    throw error;
  } finally {
    lab.close();
  }
}

const usage =
  "node dist/trials/capture/capture.js [frr] [bird] [gobgp]: makes test/wire/golden anew, as root; all without one";
const subjects = [{ name: "frr" }, { name: "bird" }, { name: "gobgp" }];
const wanted = orUsage(usage, () => chosen("daemon", subjects, parseArgs({ allowPositionals: true }).positionals));
for (const { name } of wanted) await capture(name);
