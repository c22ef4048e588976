import type { PathRow } from "../../../src/view/model.ts";
import { stretched } from "../../../testbed/pace.ts";
import { Stopwatch } from "../../../testbed/wait.ts";
import { birdConfig, buildRestartRoom, frrConfig, ofBird, ofFrr } from "../harness/restart-room.ts";
import { RouteWatch } from "../harness/route-watch.ts";
import { scenario } from "../harness/scenario.ts";

/** Those that run out: what FRR and BIRD say when they have come back. Of two long-lived stale times the shorter counts. */
const times = { restart: stretched(5, 20), longLived: stretched(4, 20) };

scenario("FRR and BIRD restart, or never return", ["frr", "bird"], async ({ lab, step }) => {
  const { ours, frr, bird, kernel, settled } = await buildRestartRoom(lab);

  await settled();

  await step("FRR restarts: its routes stay, those that it doesn't tell again go with its End-of-RIB", async (t) => {
    t.ok((await kernel()).includes("172.17.4.0/24"));
    await frr.bgpd.signal("SIGKILL");
    await lab.until("they are stale", async () => (await ours.best("172.17.2.0/24"))?.stale);
    t.ok((await kernel()).includes("172.17.2.0/24"));
    await frr.restart(frrConfig("", times));
    await lab.until("the one is gone", async () => !(await kernel()).includes("172.17.4.0/24"));
    await settled();
  });

  await step("BIRD restarts: the same", async (t) => {
    const watch = new RouteWatch(ours.host);
    await watch.heard();
    await bird.daemon.signal("SIGKILL");
    await lab.until("they are stale", async () => (await ours.best("fd17:3::/48"))?.stale);
    bird.configure(birdConfig(times));
    await bird.restart(true);
    await settled();
    const gone = (await watch.heard()).filter((line) => line.startsWith("Deleted ") && /172\.17\.3|fd17:3/.test(line));
    t.same(gone, []);
    await watch.end();
  });

  await step("routes of a neighbor that restarts are the last resort once the link to it was down", async (t) => {
    const pathsOf = (prefix: string) => ours.paths(prefix);
    const fromFrr = async (prefix: string) => (await pathsOf(prefix)).find(({ from }) => from === "10.0.1.2");
    await ours.host.run("sysctl", "-qw", "net.ipv6.conf.eth0.keep_addr_on_down=1");
    await frr.configure("router bgp 65001", "address-family ipv4 unicast", "network 172.17.5.0/24");
    await lab.until("the route that BIRD has, too, comes from FRR", async () => (await fromFrr("172.17.5.0/24"))?.best);
    await frr.bgpd.signal("SIGKILL");
    await lab.until("it is stale", async () => (await fromFrr("172.17.5.0/24"))?.stale);
    t.ok((await fromFrr("172.17.5.0/24"))?.best, "and stays the best");

    ours.host.link("eth0", "down");
    await lab.until("the link's next hop is lost", async () => (await fromFrr("172.17.5.0/24"))?.valid === false);
    ours.host.link("eth0", "up");
    await lab.until("it is there again", async () => (await fromFrr("172.17.5.0/24"))?.valid);
    t.match(await ours.best("172.17.5.0/24"), { from: "10.0.2.2", stale: false }, "the live path is better");
    t.match(await fromFrr("172.17.5.0/24"), { stale: true, localPref: 0 });
    t.match(await ours.best("172.17.2.0/24"), { from: "10.0.1.2", stale: true }, "better than none");
    await lab.until("the kernel has that one", async () => (await kernel()).includes("172.17.2.0/24"));

    await frr.restart(frrConfig("", times));
    await settled();
    t.match(await ours.best("172.17.2.0/24"), { localPref: 100 }, "as before, when it has been told again");
  });

  for (const name of ["BIRD", "FRR"] as const)
    await step(`${name} never returns: stale, then long-lived stale (RFC 9494), then gone`, async (t) => {
      const mine = name === "BIRD" ? ofBird : ofFrr;
      const watch = new Stopwatch();
      await (name === "BIRD" ? bird.daemon : frr.bgpd).signal("SIGKILL");
      const bests = () => Promise.all(mine.map((prefix) => ours.best(prefix)));
      const isMarked = (path: PathRow | undefined) =>
        path?.communities.some((text) => text === "llgr-stale" || text === "65535:6") === true;
      await lab.until("they are stale and nothing worse", async () =>
        (await bests()).every((path) => path?.stale === true && !isMarked(path)),
      );
      await lab.until("they are long-lived stale", async () => (await bests()).every(isMarked));
      t.comment(`long-lived stale ${watch} after the kill, restart time ${times.restart} s`);
      if (name === "BIRD") {
        const path = await lab.until("FRR has it marked", async () => {
          const best = await frr.best("172.17.3.0/24");
          return best?.communities.some((text) => /llgr/i.test(text)) ? best : undefined;
        });
        t.comment(`FRR sees communities ${path.communities.join(" ")}`);
      }
      await lab.until("they are gone", async () => !(await kernel()).some((prefix) => mine.includes(prefix)));
      t.comment(`gone ${watch} after the kill, long-lived stale time ${times.longLived} s`);
    });
});
