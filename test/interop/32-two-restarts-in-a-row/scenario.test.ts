import { buildRestartRoom } from "../harness/restart-room.ts";
import { scenario } from "../harness/scenario.ts";

/** What helpers do when a second restart comes before the first is over: docs/graceful-restart.md draws conclusions from it. */
scenario("two restarts in a row", ["frr", "bird"], async ({ lab, step }) => {
  const { ours, frr, bird, settled } = await buildRestartRoom(lab);

  await settled();
  for (const [helper, other] of [
    ["BIRD", "FRR"],
    ["FRR", "BIRD"],
  ] as const)
    await step(`two restarts of ours in a row, the second before End-of-RIB, with ${helper} as helper`, async (t) => {
      const daemon = other === "FRR" ? frr.bgpd : bird.daemon;
      const address = helper === "BIRD" ? "10.0.2.2" : "10.0.1.2";
      await ours.daemon.signal("SIGKILL");
      daemon.freeze();
      await ours.restart();
      await lab.until(`${helper} is back`, () => ours.established(address));
      const has = async () =>
        (helper === "BIRD" ? await bird.best("172.17.1.0/24") : await frr.best("172.17.1.0/24")) !== undefined;
      t.ok(await has(), "kept as stale after the first");
      await ours.daemon.signal("SIGKILL");
      // As RFC 4724 §4.2 says, although long-lived graceful restart was agreed on; both times are longer than this wait.
      await lab.until("the second has made it delete the route", async () => !(await has()));
      await ours.restart();
      daemon.thaw();
      await settled();
    });
});
