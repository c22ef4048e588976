import { holds } from "../../../testbed/wait.ts";
import { buildRestartRoom, ofBird } from "../harness/restart-room.ts";
import { scenario } from "../harness/scenario.ts";

scenario("ours restarts between FRR and BIRD, and nobody notices", ["frr", "bird", "ping"], async ({ lab, step }) => {
  const { ours, frr, bird, kernel, settled, unnoticed } = await buildRestartRoom(lab);

  await step("sessions agree on graceful restart and its long-lived form", async (t) => {
    await settled();
    for (const address of ["10.0.1.2", "10.0.2.2"]) {
      const { capabilities } = await ours.neighbor(address);
      const used = capabilities.used.filter(({ code }) => code === 64 || code === 71);
      t.equal(used.length, 2, `${address}: ${used.map(({ name, value }) => `${name} ${value}`).join("; ")}`);
    }
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const)
    await step(`ours is ended by ${signal} and comes back: nobody notices`, (t) =>
      unnoticed(t, async () => {
        await ours.daemon.signal(signal);
        await lab.until("FRR has noticed", async () => (await frr.neighbor("10.0.1.1")).bgpState !== "Established");
        await lab.until("BIRD has noticed", async () => (await bird.info("ours")) !== "Established");
        t.ok((await kernel()).includes("172.17.3.0/24"), "kernel routes stay meanwhile");
        await ours.restart();
        await settled();
      }),
    );

  await step("a session that is lost while all daemons run on costs nothing", (t) =>
    unnoticed(t, async () => {
      await ours.host.run("ss", "-K", "dst", "10.0.1.2", "dport", "=", "179").catch(() => "");
      await ours.host.run("ss", "-K", "dst", "10.0.1.2", "sport", "=", "179").catch(() => "");
      await settled();
      t.equal((await ours.neighbor("10.0.1.2")).flaps, 1, "it was lost");
    }),
  );

  await step("what is gone when ours comes back is swept after the last End-of-RIB, and not before", async (t) => {
    await ours.daemon.signal("SIGKILL");
    await bird.birdc("disable extra");
    frr.bgpd.freeze();
    await ours.restart();
    await lab.until("BIRD has told everything", async () =>
      (await ours.neighbor("10.0.2.2")).families.every((family) => family.endOfRibReceived),
    );
    await holds("the old route stays while FRR is waited for", 1.5, async () =>
      (await kernel()).includes("172.17.5.0/24"),
    );
    frr.bgpd.thaw();
    await lab.until("it is swept", async () => !(await kernel()).includes("172.17.5.0/24"));
    await settled();
    t.same(
      (await kernel()).filter((prefix) => ofBird.includes(prefix)),
      ofBird,
    );
  });
});
