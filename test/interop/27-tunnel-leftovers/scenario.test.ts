import { scenario } from "../harness/scenario.ts";
import { config1, config2, moved, twoNodes, usual } from "../harness/tunnel-room.ts";

scenario(
  "a tunnel under another config at a restart ends as a fresh start with it would",
  ["ping"],
  async ({ lab, step }) => {
    const { both, hosts, indexOf, losing, n1, n2, reload, restart, settled, withoutTunnels } = await twoNodes(lab);
    await step("a fresh start makes device, entries and routes", (t) => settled(t, usual));
    for (const [what, tunnel] of [
      ["VNI and port", { ...usual, vni: 79, port: 4790 }],
      ["device name and VNI", { ...usual, vni: 80, port: 4790, device: "vxlan.other" }],
    ] as const) {
      await step(`another ${what} at a restart`, async (t) => {
        await both(restart, tunnel);
        await settled(t, tunnel);
      });
    }
    await step("no tunnels any more, at a restart: the leftover goes when its routes have left it", async (t) => {
      await Promise.all([restart(n2, config2(usual, "")), restart(n1, config1(usual, ""))]);
      await withoutTunnels();
      await both(restart, usual);
      await settled(t, usual);
    });
    await step("another underlay address at a restart: the leftover is taken over", async (t) => {
      const before = await indexOf(usual.device);
      await losing(t, async () => {
        await reload(n2, config2(moved));
        await restart(n1, config1(moved));
        await settled(t, moved);
      });
      t.equal(await indexOf(usual.device), before);
    });
    await step("an earlier version's leftover, which bears no mark, is known by its MAC", async (t) => {
      await n1.daemon.signal("SIGKILL");
      await hosts.n1.run("ip", "link", "set", "dev", usual.device, "alias", "");
      await reload(n2, config2(usual));
      n1.configure(config1(usual));
      await n1.restart();
      await settled(t, usual);
    });
  },
);
