import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import type { Host } from "../../../testbed/lab.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, bothFamilies, frrDefaults, ourTimers } from "../harness/texts.ts";

const settings = `${ourTimers}, ${bothFamilies}, import-policy: [all], export-policy: [all]`;

/** Another hardware address, and with it another link-local one. */
async function readdress(host: Host, device: string, last: number): Promise<void> {
  host.link(device, "down");
  await host.run("ip", "link", "set", device, "address", `02:00:00:00:00:0${last}`);
  host.link(device, "up");
}

/** Links of one hardware address, as the VLANs of a NIC are, on both sides: only the zone tells which is meant. */
scenario(
  "One link-local address on two links, of ours and of the neighbors",
  ["frr", "bird"],
  async ({ lab, step }) => {
    const [one, two] = [lab.switch("one"), lab.switch("two")];
    const us = lab.host("ours").plug(one, { addresses: [] }).plug(two, { addresses: [] });
    const they = lab.host("frr").plug(one, { addresses: [] });
    const other = lab.host("bird").plug(two, { addresses: [] });
    for (const [host, device, last] of [
      [us, "eth0", 1],
      [us, "eth1", 1],
      [they, "eth0", 2],
      [other, "eth0", 2],
    ] as const)
      await readdress(host, device, last);
    const [we, peer] = ["fe80::ff:fe00:1", "fe80::ff:fe00:2"];
    const ours = new Peerage(
      us,
      `
router: {as: 65001, router-id: 10.255.0.1}
policies: {all: [{then: accept}]}
neighbors:
  - {address: "${peer}%eth0", remote-as: 65002, ${settings}}
  - {address: "${peer}%eth1", remote-as: 65003, local-address: "${we}", ${settings}}
`,
    );
    const frr = new Frr(
      they,
      `
router bgp 65002
 bgp router-id 10.255.0.2
${frrDefaults} neighbor ${we} remote-as 65001
 neighbor ${we} interface eth0
 neighbor ${we} timers connect 1
 address-family ipv6 unicast
  network 2001:db8:2::/48
  neighbor ${we} activate
 exit-address-family
`,
    );
    const bird = new Bird(
      other,
      `
router id 10.255.0.3;
protocol static { ipv6; route 2001:db8:3::/48 blackhole; }
protocol bgp ours {
  local ${peer} as 65003; neighbor ${we}%eth0 as 65001; ${birdTimers}
  ipv6 { import all; export where source = RTS_STATIC; };
}`,
    );
    await Promise.all([ours.start(), bird.start(), frr.start()]);

    await step("each neighbor's routes go out of its own link", async (t) => {
      for (const [prefix, device] of [
        ["2001:db8:2::/48", "eth0"],
        ["2001:db8:3::/48", "eth1"],
      ] as const) {
        const route = await lab.until(`${prefix} is in our kernel`, () => us.kernelRoute(prefix, "bgp"));
        t.same(route.via, [`${peer} dev ${device}`]);
      }
    });

    await step("the end of one link ends the session on that link alone", async (t) => {
      us.link("eth1", "down");
      const reason = await lab.until("the session on eth1 is down", async () => {
        const { state, lastError } = await ours.neighbor(`${peer}%eth1`);
        return state === "Established" ? undefined : lastError!.text;
      });
      t.match(reason, "our link eth1 went down");
      const { state, flaps } = await ours.neighbor(`${peer}%eth0`);
      t.same({ state, flaps }, { state: "Established", flaps: 0 });
      t.same((await us.kernelRoute("2001:db8:2::/48", "bgp"))?.via, [`${peer} dev eth0`]);
    });
  },
);
