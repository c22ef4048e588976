import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import type { Host } from "../../../testbed/lab.ts";
import { stretched } from "../../../testbed/pace.ts";
import { holds, NotYet } from "../../../testbed/wait.ts";
import { scenario } from "../harness/scenario.ts";
import { frrNeighbor } from "../harness/texts.ts";

/** Between two packets, in ms: three may be missed. The hold time is so long that nothing here can be its doing. */
const every = Math.round(stretched(0.3) * 1000);
const hold = 3600;

/**
 * BFD with FRR's bfdd (iBGP, IPv6) and BIRD (eBGP, IPv4), both behind a switch, so that our own link knows nothing of theirs. Both
 * speak BGP with us, too, and BFD is what ends its sessions.
 */
scenario("BFD with FRR and BIRD", ["frr", "bird"], async ({ lab, step }) => {
  const lan = lab.switch("lan");
  const plug = (name: string, last: number) =>
    lab.host(name).plug(lan, { addresses: [`10.0.0.${last}/24`, `fd00::${last}/64`] });
  const config = (more: string) => `
router: {as: 65001, router-id: 10.0.0.1, address: 10.0.0.1, address6: "fd00::1"}
peer-groups:
  watched:
    timers: {hold-time: ${hold}, connect-retry: 1}
    graceful-restart: false
    bfd: {transmit: ${every}, receive: ${every}${more}}
neighbors:
  - {address: 10.0.0.2, remote-as: 65002, peer-group: watched, import-policy: [all], export-policy: [all]}
  - {address: "fd00::3", remote-as: internal, peer-group: watched}
policies: {all: [{then: accept}]}
`;
  const ours = new Peerage(plug("ours", 1), config(""));
  const bird = new Bird(
    plug("bird", 2),
    `
router id 10.0.0.2;
protocol bfd { interface "eth0" { min rx interval ${every} ms; min tx interval ${every} ms; multiplier 3; }; }
protocol direct { ipv4; }
protocol static { ipv4; route 10.2.0.0/24 blackhole; }
protocol bgp ours {
  local 10.0.0.2 as 65002; neighbor 10.0.0.1 as 65001; hold time ${hold};
  connect retry time 1; connect delay time 1; error wait time 1, 2; graceful restart off; bfd on;
  ipv4 { import all; export where source = RTS_STATIC; };
}`,
  );
  const frr = new Frr(
    plug("frr", 3),
    `
router bgp 65001
 bgp router-id 10.0.0.3
 no bgp network import-check
 no bgp default ipv4-unicast
 timers bgp ${hold / 3} ${hold}
${frrNeighbor("fd00::1", 65001)} neighbor fd00::1 bfd
 neighbor fd00::1 bfd profile watched
 address-family ipv6 unicast
  neighbor fd00::1 activate
  network 2001:db8:3::/48
 exit-address-family
`,
    `
bfd
 profile watched
  transmit-interval ${every}
  receive-interval ${every}
`,
  );
  await Promise.all([ours.start(), bird.start(), frr.start()]);

  const bfd = async (address: string) => {
    const { sessions } = await ours.get("/bfd");
    return sessions.find((row: { address: string }) => row.address === address);
  };
  const bfdUp = async (address: string) => {
    const row = await bfd(address);
    if (row?.state === "Up" && row.remoteState === "Up") return true;
    throw new NotYet(JSON.stringify(row));
  };
  const frrBfd = async () => (await frr.json("show bfd peer fd00::1"))?.status;
  const birdBfd = async () => (await bird.birdc("show bfd sessions")).match(/10\.0\.0\.1\s+\S+\s+(\w+)/)?.[1];
  const kernel = async () => (await ours.host.kernelRoutes("bgp")).map((route) => route.prefix);
  const everythingIsUp = async () => {
    await lab.until("both sessions are up", () => ours.established("10.0.0.2", "fd00::3"));
    for (const address of ["10.0.0.2", "fd00::3"]) await lab.until(`BFD with ${address} is up`, () => bfdUp(address));
    await lab.until("both routes are in the kernel", async () => (await kernel()).length === 2);
  };
  /** The session went down for BFD, its routes with it. */
  const endedByBfd = async (address: string, prefix: string) => {
    await lab.until(`the session with ${address} was ended by BFD`, async () => {
      const { lastDrop, flaps } = await ours.neighbor(address);
      if (lastDrop?.code === 6 && lastDrop.subcode === 10) return true;
      throw new NotYet(`flaps ${flaps}, ${JSON.stringify(lastDrop)}`);
    });
    await lab.until(`${prefix} has left the kernel`, async () => !(await kernel()).includes(prefix));
  };

  await step("both come up; all three sides say so, and agree on the times", async (t) => {
    await everythingIsUp();
    t.equal(await frrBfd(), "up");
    t.equal(await birdBfd(), "Up");
    const detail = await frr.json("show bfd peer fd00::1");
    const row = await bfd("fd00::3");
    t.equal(row.remoteDiscriminator, detail.id);
    t.equal(row.localDiscriminator, detail["remote-id"]);
    t.equal(detail["remote-receive-interval"], every);
    t.match(await bfd("10.0.0.2"), { transmitMs: every, receiveMs: every, detectMs: 3 * every, multihop: false });
  });

  await step("a packet with TTL 254 is not heard; the same with 255 ends the session", async (t) => {
    const { localDiscriminator, remoteDiscriminator } = await bfd("10.0.0.2");
    await forge(bird.host, 254, { my: remoteDiscriminator, your: localDiscriminator });
    await holds("the session stays", 1, async () => (await bfd("10.0.0.2")).downs === 0);
    await forge(bird.host, 255, { my: remoteDiscriminator, your: localDiscriminator });
    await lab.until("it went down", async () => (await bfd("10.0.0.2")).downs === 1);
    await endedByBfd("10.0.0.2", "10.2.0.0/24");
    t.match((await ours.neighbor("10.0.0.2")).lastDrop!.text, "BFD Down");
    await everythingIsUp();
  });

  await step(
    "the cable behind the switch is cut: the session ends (Cease 6/10, RFC 9384), its route leaves",
    async (t) => {
      const flaps = (await ours.neighbor("fd00::3")).flaps;
      frr.host.cable("eth0", "down");
      await endedByBfd("fd00::3", "2001:db8:3::/48");
      t.equal((await ours.neighbor("fd00::3")).flaps, flaps + 1);
      t.match(await bfd("fd00::3"), { state: "Down", diagnostic: "nothing was heard for the detection time" });
      frr.host.cable("eth0", "up");
      await everythingIsUp();
    },
  );

  await step(
    "a peer that is frozen, whose TCP connection stays, is dropped for BFD; it thaws, and all returns",
    async () => {
      const { flaps } = await ours.neighbor("10.0.0.2");
      bird.daemon.freeze();
      await lab.until("the session was ended", async () => (await ours.neighbor("10.0.0.2")).flaps > flaps);
      await endedByBfd("10.0.0.2", "10.2.0.0/24");
      bird.daemon.thaw();
      await everythingIsUp();
    },
  );

  await step("BFD that the other end gives up on purpose ends nothing (RFC 5880 §6.8.16)", async (t) => {
    const { flaps } = await ours.neighbor("fd00::3");
    await frr.configure("bfd", "profile watched", "shutdown");
    await lab.until("BFD is down", async () => (await bfd("fd00::3")).remoteState === "AdminDown");
    await holds("the session stays", 1.5, async () => (await ours.neighborRow("fd00::3"))?.state === "Established");
    t.equal((await ours.neighbor("fd00::3")).flaps, flaps);
  });

  await step("strict: without BFD there is no session, and with it there is", async (t) => {
    ours.configure(config(", strict: true"));
    await ours.reload();
    await lab.until("the session is down", async () => (await ours.neighborRow("fd00::3"))?.state !== "Established");
    await holds("it stays down", 1.5, async () => (await ours.neighborRow("fd00::3"))?.state !== "Established");
    t.ok(await ours.established("10.0.0.2"), "that with BFD is not touched");
    await frr.configure("bfd", "profile watched", "no shutdown");
    await everythingIsUp();
  });

  // FRR 8.4 and BIRD 2.0.12 take AdminDown for a failure, against RFC 5880 §6.8.16, and end their sessions once.
  await step("BFD is taken out of the config: its sessions end on purpose, those of BGP live without it", async (t) => {
    ours.configure(config("").replace(/ {4}bfd: .*\n/, ""));
    await ours.reload();
    await lab.until("no BFD session is left", async () => (await ours.get("/bfd")).sessions.length === 0);
    await lab.until("FRR has noticed", async () => (await frrBfd()) !== "up");
    await lab.until("both BGP sessions are up", () => ours.established("10.0.0.2", "fd00::3"));
    t.equal((await ours.neighborRow("fd00::3"))?.bfd, null);
  });
});

/** Sends a packet that says Down, as BIRD's, with that TTL, from its host. */
function forge(from: Host, ttl: number, { my, your }: { my: number; your: number }): Promise<string> {
  const hex = (value: number) => value.toString(16).padStart(8, "0");
  const packet = `20400318${hex(my)}${hex(your)}000f4240000f424000000000`;
  return from.run(
    process.execPath,
    "-e",
    `const s = require("node:dgram").createSocket("udp4");
     s.bind(0, "10.0.0.2", () => { s.setTTL(${ttl}); s.send(Buffer.from("${packet}", "hex"), 3784, "10.0.0.1", () => s.close()); });`,
  );
}
