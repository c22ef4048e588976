import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, frrDefaults, frrNeighbor, ourTimers } from "../harness/texts.ts";

/** BIRD is an eBGP neighbor, FRR an iBGP one; both are behind a switch, so that our own link knows nothing of theirs. */
scenario(
  "a silent peer is dropped at hold time, and our own link going down ends its sessions by itself",
  ["frr", "bird"],
  async ({ lab, step }) => {
    const lan = lab.switch("lan");
    const plug = (name: string, last: number) =>
      lab.host(name).plug(lan, { addresses: [`10.0.0.${last}/24`, `fd00::${last}/64`] });
    const ours = new Peerage(
      plug("ours", 1),
      `
router: {as: 65001, router-id: 10.0.0.1, address: 10.0.0.1}
neighbors:
  - address: 10.0.0.2
    remote-as: 65002
    ${ourTimers}
    address-families: {ipv4-unicast: {}, ipv6-unicast: {}}
    import-policy: [all]
    export-policy: [all]
    graceful-restart: false
  - {address: 10.0.0.3, remote-as: internal, ${ourTimers}, graceful-restart: false}
policies: {all: [{then: accept}]}
`,
    );
    const bird = new Bird(
      plug("bird", 2),
      `
router id 10.0.0.2;
protocol direct { ipv4; ipv6; }
protocol static { ipv4; route 10.2.0.0/24 blackhole; }
protocol static { ipv6; route 2001:db8:2::/48 blackhole; }
protocol bgp ours {
  local 10.0.0.2 as 65002; neighbor 10.0.0.1 as 65001; ${birdTimers} graceful restart off;
  ipv4 { import all; export where source = RTS_STATIC; };
  ipv6 { import all; export where source = RTS_STATIC; };
}`,
    );
    const frr = new Frr(
      plug("frr", 3),
      `
router bgp 65001
 bgp router-id 10.0.0.3
${frrDefaults}${frrNeighbor("10.0.0.1", 65001)} address-family ipv4 unicast
  neighbor 10.0.0.1 activate
  network 10.3.0.0/24
 exit-address-family
`,
    );
    await Promise.all([ours.start(), bird.start(), frr.start()]);
    const kernel = async () => (await ours.host.kernelRoutes("bgp")).map((route) => route.prefix);
    const everything = ["10.2.0.0/24", "10.3.0.0/24", "2001:db8:2::/48"];
    const all = async () => {
      const found = await kernel();
      return everything.every((prefix) => found.includes(prefix));
    };

    await step("routes of both are in the kernel", async (t) => {
      await lab.until("both sessions are up", () => ours.established("10.0.0.2", "10.0.0.3"));
      await lab.until("all routes are in the kernel", all);
      t.same(await kernel(), everything);
    });

    await step(
      "the cable behind the switch is cut: the session ends at hold time with 4/0 (RFC 4271 §6.5), its routes leave",
      async (t) => {
        const carrier = await ours.host.run("cat", "/sys/class/net/eth0/carrier");
        bird.host.cable("eth0", "down");
        t.equal(
          (await ours.host.run("cat", "/sys/class/net/eth0/carrier")).trim(),
          carrier.trim(),
          "our own link stays up",
        );
        await lab.until(
          "the session is over",
          async () => (await ours.neighborRow("10.0.0.2"))?.state !== "Established",
        );
        t.match((await ours.neighborRow("10.0.0.2"))?.lastError, { direction: "sent", code: 4, subcode: 0 });
        await lab.until("its routes have left the kernel", async () => (await kernel()).join() === "10.3.0.0/24");
        t.ok(await ours.established("10.0.0.3"), "the other neighbor has not noticed");
        t.equal((await ours.neighbor("10.0.0.3")).flaps, 0);
      },
    );

    await step("the cable is mended: the session and the routes return", async (t) => {
      bird.host.cable("eth0", "up");
      await lab.until("the session is back", () => ours.established("10.0.0.2"), { withinSeconds: 60 });
      await lab.until("all routes are back", all);
      t.same(await kernel(), everything);
    });

    await step(
      "our own link goes down: sessions with neighbors on it end for that reason, and not when their hold time is over",
      async (t) => {
        ours.host.link("eth0", "down");
        await lab.until("both sessions are over", async () =>
          (await ours.summary()).neighbors.every((row) => row.state !== "Established"),
        );
        t.same(await ours.routes(), []);
        for (const address of ["10.0.0.2", "10.0.0.3"])
          t.match((await ours.neighbor(address)).lastError, { direction: "local", text: /link|eth0|interface/ });
      },
    );

    await step("it comes up again, and everything returns", async (t) => {
      ours.host.link("eth0", "up");
      await ours.host.run("ip", "address", "replace", "fd00::1/64", "dev", "eth0", "nodad"); // the kernel drops it with the link
      await lab.until("both sessions are back", () => ours.established("10.0.0.2", "10.0.0.3"), { withinSeconds: 60 });
      await lab.until("all routes are back", all);
      t.same(await kernel(), everything);
    });
  },
);
