import { Bird } from "../../../testbed/daemons/bird.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import { RouteWatch } from "../harness/route-watch.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, ourTimers } from "../harness/texts.ts";

/**
 * Ours is stopped while no peer of its routes keeps them: packets need the kernel's routes until it is back.
 *
 *   ours .1      plain .2: no graceful restart      returning .3: has restarted, and keeps its End-of-RIB back
 *
 * BIRD holds its End-of-RIB back while it recovers and somebody is missing (.99), for 240 s.
 */
const ours = (more: string) => `
router: {as: 65001, router-id: 10.0.0.1, address: 10.0.0.1}
kernel: {${more}}
neighbors:
  - {address: 10.0.0.2, remote-as: internal, ${ourTimers}}
  - {address: 10.0.0.3, remote-as: internal, ${ourTimers}}
`;

const bird = (last: number, graceful: string, more = "") => `
router id 10.0.0.${last};
protocol static { ipv4; route 172.17.${last}.0/24 blackhole; }
template bgp ours { local 10.0.0.${last} as 65001; ${birdTimers} ${graceful} ipv4 { import none; export all; }; }
protocol bgp up from ours { neighbor 10.0.0.1 as 65001; }
${more}`;

scenario(
  "SIGTERM takes no route out of the kernel, or all of them where none is to stay",
  ["bird"],
  async ({ lab, step }) => {
    const lan = lab.switch("lan");
    const place = (name: string, last: number) => lab.host(name).plug(lan, { addresses: [`10.0.0.${last}/24`] });
    const speaker = new Peerage(place("ours", 1), ours("keep-on-exit: true"));
    const plain = new Bird(place("plain", 2), bird(2, "graceful restart off;"));
    const recovering = "graceful restart on; graceful restart time 120;";
    const returning = new Bird(
      place("returning", 3),
      bird(3, recovering, "protocol bgp absent from ours { neighbor 10.0.0.99 as 65001; }"),
    );
    await Promise.all([speaker.start(), plain.start(), returning.start()]);
    const both = ["172.17.2.0/24", "172.17.3.0/24"];
    const kernel = async () => (await speaker.host.kernelRoutes("bgp")).map(({ prefix }) => prefix).sort();
    const hasBoth = async () => (await kernel()).join(" ") === both.join(" ");
    const up = () => speaker.established("10.0.0.2", "10.0.0.3");
    const watch = new RouteWatch(speaker.host);
    const deleted = async () => (await watch.heard()).filter((line) => /^Deleted .*172\.17/.test(line));

    await step("both routes are in the kernel; one peer goes, and is back without its End-of-RIB", async (t) => {
      await lab.until("both are in the kernel", hasBoth);
      await lab.until("End-of-RIB has come", async () =>
        (await speaker.neighbor("10.0.0.3")).families.every((family) => family.endOfRibReceived),
      );
      await returning.daemon.signal("SIGKILL");
      await lab.until("its session is down", async () => {
        const row = await speaker.neighborRow("10.0.0.3");
        return row?.state !== "Established";
      });
      await returning.restart(true);
      await lab.until("it is back", up);
      t.equal((await speaker.best("172.17.3.0/24"))?.stale, true, "its route is still the one of before");
      t.same(await deleted(), []);
    });

    await step("stopped now, ours leaves both", async (t) => {
      await speaker.daemon.signal("SIGTERM");
      t.equal(speaker.daemon.ended, "exit code 0");
      t.same(await deleted(), []);
      t.ok(await hasBoth());
    });

    await step(
      "and so when it is stopped before it has heard from everyone it waits for after its start",
      async (t) => {
        returning.daemon.freeze();
        await speaker.restart();
        await lab.until("the plain peer is up", () => speaker.established("10.0.0.2"));
        await lab.until("its route is there", async () => (await speaker.received("10.0.0.2")).length === 1);
        await speaker.daemon.signal("SIGTERM");
        t.equal(speaker.daemon.ended, "exit code 0");
        t.same(await deleted(), []);
        t.ok(await hasBoth());
      },
    );

    await step("with keep-on-exit off all go, those of an earlier run too", async (t) => {
      speaker.configure(ours("keep-on-exit: false"));
      await speaker.restart();
      await lab.until("the plain peer is up", () => speaker.established("10.0.0.2"));
      t.ok(await hasBoth());
      await speaker.daemon.signal("SIGTERM");
      t.equal(speaker.daemon.ended, "exit code 0");
      t.same(await kernel(), []);
      returning.daemon.thaw();
    });
  },
);
