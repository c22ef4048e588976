import { Pinging } from "../harness/pinging.ts";
import { scenario } from "../harness/scenario.ts";
import { blocks, config1, config2, moved, ofDoctor, tunnels, twoNodes, usual } from "../harness/tunnel-room.ts";

scenario(
  "a tunnel under another config by reload ends as a fresh start with it would",
  ["ping"],
  async ({ lab, step }) => {
    const { both, freshly, indexOf, losing, n1, n2, reload, settled, withoutTunnels } = await twoNodes(lab);
    await step("a fresh start makes device, entries and routes", (t) => settled(t, usual));
    await step(
      "another underlay address by reload: changed in place, its routes stay, packets flow again",
      async (t) => {
        const before = await indexOf(usual.device);
        await losing(t, async () => {
          // n2 is ready for it, and still knows n1 under its old address
          await reload(n2, config2(usual, tunnels(usual), [usual.address, moved.address]));
          await reload(n1, config1(moved));
          await settled(t, moved);
        });
        t.equal(await indexOf(usual.device), before);
        await freshly(n1);
        await settled(t, moved);
      },
    );
    for (const [what, tunnel] of [
      ["VNI", { ...usual, vni: 77 }],
      ["port", { ...usual, vni: 77, port: 8472 }],
      ["MTU", { ...usual, vni: 77, port: 8472, mtu: 1300 }],
      ["device name", { ...usual, device: "vxlan.new", vni: 77, port: 8472, mtu: 1300 }],
      ["address, VNI, port, MTU and name at once", { ...moved, vni: 78 }],
    ] as const) {
      await step(`another ${what} by reload`, async (t) => {
        await losing(t, async () => {
          await both(reload, tunnel);
          await settled(t, tunnel);
        });
      });
    }
    await step("and it is what a fresh start makes", async (t) => {
      t.notMatch(n1.daemon.output + n2.daemon.output, /fib-failed/, "no route was written before its device was there");
      await freshly(n1);
      await freshly(n2);
      await settled(t, { ...moved, vni: 78 });
    });
    await step("no tunnels any more, by reload: the device goes, and routes go without it; and back", async (t) => {
      await losing(t, async () => {
        await reload(n2, config2(usual, ""));
        await reload(n1, config1(usual, ""));
        await withoutTunnels();
        t.same((await n1.get("/tunnels")).tunnels, []);
      });
      await losing(t, async () => {
        await both(reload, usual);
        await settled(t, usual);
      });
    });
  },
);

scenario("tunnels that others lay hands on", ["ping"], async ({ lab, step }) => {
  const { hosts, losing, n1, reload, settled, w1 } = await twoNodes(lab);
  await step("a fresh start makes device, entries and routes", (t) => settled(t, usual));
  await step("local address, MAC or the device itself, changed by hand: put right, packets flow again", async (t) => {
    for (const command of [
      ["set", "dev", usual.device, "address", "02:00:00:00:00:01"],
      ["set", "dev", usual.device, "type", "vxlan", "local", "192.168.100.11"],
      ["del", "dev", usual.device],
    ]) {
      const lost = await losing(t, async () => {
        await hosts.n1.run("ip", "link", ...command);
        await settled(t, usual);
      });
      t.comment(`ip link ${command.join(" ")}: ${lost} lost`);
    }
  });
  await step("an MTU by hand is told by fib and doctor, and set again by reload", async (t) => {
    await hosts.n1.run("ip", "link", "set", "dev", usual.device, "mtu", "1200");
    await lab.until("it is told", async () => (await n1.get("/tunnels")).tunnels[0].problem !== null);
    t.match(await n1.cli("fib"), /^Tunnel vxlan\.peerage: has MTU 1200, 1450 is wanted; somebody changed it$/m);
    await t.rejects(n1.cli("fib", "--check"), /exit 3: .*tunnel vxlan\.peerage is not as wanted/);
    t.match(await ofDoctor(n1), [{ status: "warn", text: /has MTU 1200/ }]);
    await reload(n1, config1(usual));
    await settled(t, usual);
  });
  await step(
    "somebody else's device of the name is named, neither used nor touched, and no route is claimed",
    async (t) => {
      await n1.daemon.signal("SIGTERM");
      await hosts.n1.run("ip", "link", "del", usual.device);
      const theirs = ["add", usual.device, "type", "vxlan", "id", "77", "dstport", "8472", "local", "192.168.100.1"];
      await hosts.n1.run("ip", "link", ...theirs);
      const shown = () => hosts.n1.run("ip", "-d", "link", "show", "dev", usual.device);
      const before = await shown();
      await n1.restart();
      const text =
        /vxlan\.peerage:? exists with other settings and is left alone: VNI 77, not 4096, port 8472, not 4789, MAC /;
      await lab.until("the session is up", () => n1.established("192.168.100.2"));
      await lab.until("its routes are known", async () => (await n1.paths(blocks.n2)).length === 1);
      for (const config of [config1(usual), config1(moved), config1(usual)]) await reload(n1, config);
      await lab.until("the session is up again", () => n1.established("192.168.100.2"));
      await lab.until("its routes are known again", async () => (await n1.paths(blocks.n2)).length === 1);
      t.match(n1.daemon.output, text);
      t.match(await n1.cli("explain", blocks.n2), text);
      t.match(await n1.cli("fib"), text);
      await t.rejects(n1.cli("fib", "--check"), /exit 3: .*tunnel vxlan\.peerage is not as wanted/);
      t.match(await ofDoctor(n1), [{ status: "fail", text }]);
      t.equal(await hosts.n1.kernelRoute(blocks.n2, "bgp"), undefined);
      t.equal(await shown(), before);
      await n1.daemon.signal("SIGTERM");
      t.equal(await shown(), before);
      await n1.restart();
      await hosts.n1.run("ip", "link", "del", usual.device);
      await lab.until("ours takes the name when it is free", async () => (await n1.get("/tunnels")).tunnels[0].usable);
      n1.daemon.check();
      const ping = new Pinging(w1, "172.17.9.2");
      await ping.flows();
      await ping.stop();
    },
  );
});
