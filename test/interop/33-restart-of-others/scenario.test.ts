import { buildRestartRoom, frrConfig, LONG_LIVED, ofBird, ofFrr, RESTART } from "../harness/restart-room.ts";
import { RouteWatch } from "../harness/route-watch.ts";
import { scenario } from "../harness/scenario.ts";

scenario("FRR and BIRD restart, or never return", ["frr", "bird"], async ({ lab, step }) => {
  const { ours, frr, bird, kernel, settled } = await buildRestartRoom(lab);

  await settled();

  await step("FRR restarts: its routes stay, those that it doesn't tell again go with its End-of-RIB", async (t) => {
    t.ok((await kernel()).includes("172.17.4.0/24"));
    await frr.bgpd.signal("SIGKILL");
    await lab.until("they are stale", async () => (await ours.best("172.17.2.0/24"))?.stale);
    t.ok((await kernel()).includes("172.17.2.0/24"));
    await frr.restart(frrConfig(""));
    await lab.until("the one is gone", async () => !(await kernel()).includes("172.17.4.0/24"));
    await settled();
  });

  await step("BIRD restarts: the same", async (t) => {
    const watch = new RouteWatch(ours.host);
    await watch.heard();
    await bird.daemon.signal("SIGKILL");
    await lab.until("they are stale", async () => (await ours.best("fd17:3::/48"))?.stale);
    await bird.restart(true);
    await settled();
    const gone = (await watch.heard()).filter((line) => line.startsWith("Deleted ") && /172\.17\.3|fd17:3/.test(line));
    t.same(gone, []);
    await watch.end();
  });

  for (const name of ["BIRD", "FRR"] as const)
    await step(`${name} never returns: stale, then long-lived stale (RFC 9494), then gone`, async (t) => {
      const mine = name === "BIRD" ? ofBird : ofFrr;
      const started = performance.now();
      const seconds = () => (performance.now() - started) / 1000;
      await (name === "BIRD" ? bird.daemon : frr.bgpd).signal("SIGKILL");
      const marked = async () =>
        (await Promise.all(mine.map((prefix) => ours.best(prefix)))).every((path) =>
          path?.communities.some((text) => text === "llgr-stale" || text === "65535:6"),
        );
      await lab.until("they are long-lived stale", marked);
      t.ok(seconds() >= RESTART - 0.1, `after ${seconds().toFixed(1)} s`);
      if (name === "BIRD") {
        const path = await lab.until("FRR has it marked", async () => {
          const best = await frr.best("172.17.3.0/24");
          return best?.communities.some((text) => /llgr/i.test(text)) ? best : undefined;
        });
        t.comment(`FRR sees communities ${path.communities.join(" ")}`);
      }
      await lab.until("they are gone", async () => !(await kernel()).some((prefix) => mine.includes(prefix)));
      t.ok(seconds() >= RESTART + LONG_LIVED - 0.2, `after ${seconds().toFixed(1)} s`);
    });
});
