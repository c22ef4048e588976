import { readFileSync } from "node:fs";
import type { Test } from "tap";
import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import type { Lab } from "../../../testbed/lab.ts";
import { stretched } from "../../../testbed/pace.ts";
import { Pinging } from "./pinging.ts";
import { RouteWatch } from "./route-watch.ts";
import { birdTimers, bothFamilies, frrDefaults, frrNeighbor, ourTimers } from "./texts.ts";

/**
 * Ours is the router and the reflector between two links; behind it stand FRR and BIRD with workloads of their own, IPv4 and
 * IPv6. Packets between the two need the kernel routes of all three.
 *
 *   frr .2 172.17.2.0/24, fd17:2::/48 ── 10.0.1.0/24 ── .1 ours .1 ── 10.0.2.0/24 ── bird .2 172.17.3.0/24, fd17:3::/48
 *
 * Restart times and long-lived stale times are the same at all three in the beginning.
 */
export interface Times {
  /** Seconds. */
  readonly restart: number;
  readonly longLived: number;
}

/** Who comes back does so in time, on any machine. */
const patient: Times = { restart: stretched(60), longLived: stretched(60) };

const ourConfig = ({ restart, longLived }: Times) => `
router: {as: 65001, router-id: 10.0.1.1, address: 10.0.1.1, address6: "fd01::1"}
originate: [{prefix: 172.17.1.0/24, blackhole: true}, {prefix: "fd17:1::/48", blackhole: true}]
peer-groups:
  clients:
    remote-as: internal
    route-reflector-client: true
    next-hop-self: force
    graceful-restart: {restart-time: ${restart}, long-lived: ${longLived}}
    ${bothFamilies}
    ${ourTimers}
neighbors:
  - {address: 10.0.1.2, peer-group: clients}
  - {address: 10.0.2.2, peer-group: clients}
`;

/** `more`: lines of the IPv4 family. */
export const frrConfig = (more: string, { restart, longLived }: Times = patient) => `
router bgp 65001
 bgp router-id 10.0.1.2
${frrDefaults} bgp graceful-restart
 bgp graceful-restart preserve-fw-state
 bgp graceful-restart restart-time ${restart}
 bgp graceful-restart stalepath-time ${Math.min(4095, 4 * restart)}
 bgp long-lived-graceful-restart stale-time ${longLived}
${frrNeighbor("10.0.1.1", 65001)} address-family ipv4 unicast
  neighbor 10.0.1.1 activate
  network 172.17.2.0/24
${more} exit-address-family
 address-family ipv6 unicast
  neighbor 10.0.1.1 activate
  network fd17:2::/48
 exit-address-family
`;

export const birdConfig = ({ restart, longLived }: Times = patient) => `
router id 10.0.2.2;
protocol direct { ipv4; ipv6; interface "eth*"; }
protocol static s4 { ipv4; route 172.17.3.0/24 blackhole; }
protocol static s6 { ipv6; route fd17:3::/48 blackhole; }
protocol static extra { ipv4; route 172.17.5.0/24 blackhole; }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
protocol kernel { ipv6 { import none; export where source = RTS_BGP; }; }
protocol bgp ours {
  local 10.0.2.2 as 65001; neighbor 10.0.2.1 as 65001; ${birdTimers}
  graceful restart on; graceful restart time ${restart};
  long lived graceful restart on; long lived stale time ${longLived};
  ipv4 { import all; export where source = RTS_STATIC; };
  ipv6 { import all; export where source = RTS_STATIC; };
}`;

/** All three, started. */
export async function buildRestartRoom(lab: Lab) {
  const [lan1, lan2] = [lab.switch("1"), lab.switch("2")];
  const ours = new Peerage(
    lab
      .host("ours")
      .plug(lan1, { addresses: ["10.0.1.1/24", "fd01::1/64"] })
      .plug(lan2, { addresses: ["10.0.2.1/24", "fd02::1/64"] }),
    ourConfig(patient),
  );
  const frr = new Frr(
    lab
      .host("frr")
      .plug(lan1, { addresses: ["10.0.1.2/24", "fd01::2/64"] })
      .addAddresses("lo", "172.17.2.2/32", "fd17:2::2/128"),
    frrConfig("  network 172.17.4.0/24\n"),
  );
  const bird = new Bird(
    lab
      .host("bird")
      .plug(lan2, { addresses: ["10.0.2.2/24", "fd02::2/64"] })
      .addAddresses("lo", "172.17.3.2/32", "fd17:3::2/128"),
    birdConfig(),
  );
  await Promise.all([ours.start(), frr.start(), bird.start()]);
  return { ours, frr, bird, ...looks(lab, { ours, frr, bird }) };
}

/** Routes of FRR and BIRD that are there all the time. */
export const ofFrr = ["172.17.2.0/24", "fd17:2::/48"];
export const ofBird = ["172.17.3.0/24", "fd17:3::/48"];

function looks(lab: Lab, { ours, frr, bird }: { ours: Peerage; frr: Frr; bird: Bird }) {
  const { host } = ours;
  /** Prefixes of our routes in the kernel. */
  const kernel = async () => (await host.kernelRoutes("bgp")).map((route) => route.prefix);
  const isFresh = async (prefix: string) => (await ours.best(prefix))?.stale === false;

  /** Everybody has told everything, End-of-RIB too, and the journal has been written. */
  const settled = async () => {
    await lab.until("ours has both sessions", () => ours.established("10.0.1.2", "10.0.2.2"));
    for (const prefix of [...ofFrr, ...ofBird])
      await lab.until(`ours has ${prefix}, and not as stale`, () => isFresh(prefix));
    await lab.until("ours has heard every End-of-RIB", async () => {
      const details = await Promise.all(["10.0.1.2", "10.0.2.2"].map((address) => ours.neighbor(address)));
      return details.every(({ families }) => families.every((family) => family.endOfRibReceived));
    });
    for (const prefix of [...ofBird, "172.17.1.0/24", "fd17:1::/48"])
      await lab.until(`FRR has ${prefix}`, () => frr.best(prefix));
    for (const prefix of [...ofFrr, "172.17.1.0/24", "fd17:1::/48"])
      await lab.until(`BIRD has ${prefix}`, async () => (await bird.best(prefix))?.reachable);
    await lab.until("ours has told and written everything", () => ours.converged());
    await lab.until("the journal knows that both have told everything, in both families", () => {
      const { peers } = JSON.parse(readFileSync(`${ours.socket}.journal`, "utf8"));
      return ["10.0.1.2", "10.0.2.2"].every((address) => peers[address]?.length === 2);
    });
  };

  /** While `what` happens not one packet is lost in either family, and neither helper takes a route of ours out of its kernel. */
  const unnoticed = async (t: Test, what: () => Promise<void>) => {
    const pings = [new Pinging(frr.host, "172.17.3.2", "172.17.2.2"), new Pinging(frr.host, "fd17:3::2", "fd17:2::2")];
    const watches = [frr.host, bird.host, host].map((each) => new RouteWatch(each));
    for (const ping of pings) await ping.flows();
    for (const watch of watches) await watch.heard();
    await what();
    for (const ping of pings) {
      const { sent, lost } = await ping.stop();
      t.equal(lost, 0, `none of ${sent} packets was lost`);
    }
    for (const [i, name] of ["FRR", "BIRD", "ours"].entries()) {
      const gone = (await watches[i]!.heard()).filter(
        (line) => line.startsWith("Deleted ") && /172\.17|fd17/.test(line),
      );
      t.same(gone, [], `the kernel of ${name} has lost no route`);
      await watches[i]!.end();
    }
  };

  return { kernel, settled, unnoticed };
}
