import { attribute, ipv4, nlri4, update } from "../../../testbed/speaker/octets.ts";
import { goodSet } from "../ground.ts";
import { dutAs, type Lane } from "../lane.ts";
import { clientsConfig, type Fault, on, rounded, routeUpdate, Stage, tableOf } from "./stage.ts";

/** 17: far past maximum-prefix. */
export const flood: Fault = {
  number: 17,
  fault: "100,000 routes where maximum-prefix is 1000",
  target: "peer ended with 6/1, memory back, others untouched",
  run: () =>
    on(
      new Stage((lane) =>
        clientsConfig(lane, [lane.witness, lane.bystander]).replace(
          "kernel:",
          `  - {address: ${lane.internal(0)}, peer-group: clients, address-families: {ipv4-unicast: {maximum-prefix: {limit: 1000, action: restart}}}}\nkernel:`,
        ),
      ),
      async (stage) => {
        const { lane } = stage;
        const witness = await stage.session(lane.witness);
        const bystander = await stage.session(lane.bystander);
        bystander.send(tableOf(lane, 200_000, 1_000, 10));
        await stage.until("the table is there", () => witness.routes.size === 1_000);
        await stage.idle();
        const before = stage.memoryMb();
        const attacker = await stage.session(lane.internal(0), { ipv6: false });
        attacker.send(tableOf(lane, 0, 100_000, 5));
        const ms = await stage.until("the attacker is ended", () => attacker.over);
        await stage.until("its routes are gone", () => witness.routes.size === 1_000);
        await stage.wait(5_000);
        const after = stage.memoryMb();
        const word = attacker.notification;
        const left = witness.routes.size - 1_000;
        return [
          {
            ok:
              word?.code === 6 &&
              word.subcode === 1 &&
              word.data === "000101000003e8" &&
              after - before < 30 &&
              left === 0 &&
              !witness.over &&
              !bystander.over,
            measured: `ended with ${word?.code}/${word?.subcode} (data ${word?.data}) after ${rounded(ms)} ms; ${left} of its routes left at the witness; memory ${rounded(before)} MB before, ${rounded(after)} MB five seconds after; others untouched`,
          },
        ];
      },
    ),
};

/** A route of a message of so many octets. */
function sized(lane: Lane, prefix: string, octets: number): Uint8Array {
  const good = goodSet("internal", dutAs, ipv4(`${lane.net}.0.9`), "00", true);
  const room = octets - 23 - good.join("").length / 2 - nlri4(prefix).length / 2 - 4;
  return update({ attributes: [...good, attribute(0xd0, 99, "5a".repeat(room))], nlri: nlri4(prefix) });
}

/** 18: routes that not everybody can take. */
export const overlong: Fault = {
  number: 18,
  fault: "routes of 4095 to 65535 octets, to clients with and without extended messages",
  target: "not sent to peers that cannot take them, withdrawn there, nothing else delayed",
  run: () =>
    on(new Stage((lane) => clientsConfig(lane, [lane.witness, lane.bystander, lane.internal(0)])), async (stage) => {
      const { lane } = stage;
      const small = await stage.session(lane.witness);
      const large = await stage.session(lane.bystander, { extended: true });
      const feeder = await stage.session(lane.internal(0), { extended: true });
      await stage.idle();
      const sizes = [
        4000, 4095, 4096, 4097, 4100, 4110, 5000, 6000, 8192, 12_000, 16_384, 24_000, 32_768, 40_000, 50_000, 60_000,
        65_000, 65_500, 65_520, 65_530, 65_535,
      ];
      const wrong: string[] = [];
      let slowest = 0;
      for (const [i, octets] of sizes.entries()) {
        const prefix = `98.0.${i}.0/24`;
        const next = `98.1.${i}.0/24`;
        feeder.send(routeUpdate(lane, prefix));
        await stage.until(
          "the route is there while it is small",
          () => small.routes.has(prefix) && large.routes.has(prefix),
        );
        const started = performance.now();
        feeder.send(sized(lane, prefix, octets), routeUpdate(lane, next));
        await stage.until("the next route passes", () => small.routes.has(next) && large.routes.has(next), 5_000);
        slowest = Math.max(slowest, performance.now() - started);
        // ORIGINATOR_ID and CLUSTER_LIST: 14 octets more.
        const grown = octets + 14;
        const state = (fits: boolean, has: boolean, isLarge: boolean) => (fits ? has && isLarge : !has);
        const ok = () =>
          state(grown <= 4096, small.routes.has(prefix), small.routes.get(prefix)?.has(99) ?? false) &&
          state(grown <= 65_535, large.routes.has(prefix), large.routes.get(prefix)?.has(99) ?? false);
        if (!(await stage.pulse.until(ok, 1_000))) wrong.push(`${octets}`);
      }
      const text = await stage.peerage.get(`/explain?prefix=${encodeURIComponent(`98.0.${sizes.length - 1}.0/24`)}`);
      const said = /[^"]*largest message[^"]*/.exec(JSON.stringify(text))?.[0] ?? "nothing";
      return [
        {
          ok: wrong.length === 0 && slowest < 500 && said !== "nothing" && !small.over && !large.over && !feeder.over,
          measured: `${sizes.length} sizes, ${wrong.length === 0 ? "each as it must be at both clients" : `wrong: ${wrong.join(", ")}`}; the next route took at most ${rounded(slowest)} ms; explain says "${said}"`,
        },
      ];
    }),
};
