import { dutAs, type Lane } from "../lane.ts";
import { type Fault, inside, on, rounded, routeUpdate, Stage } from "./stage.ts";

/** Listed witness and bystander, and a range of clients that nobody knows one by one. */
const rangesConfig = (lane: Lane): string => `
router: {as: ${dutAs}, router-id: ${lane.dut}, address: ${lane.dut}, address6: "${lane.dut6}"}
peer-groups:
  clients: {remote-as: internal, passive: true, route-reflector-client: true, ${inside}}
neighbors:
  - {address: ${lane.witness}, peer-group: clients}
  - {address: ${lane.bystander}, peer-group: clients}
dynamic-neighbors:
  - {range: ${lane.net}.1.0/24, peer-group: clients, limit: 0}
  - {range: ${lane.net}.2.0/24, peer-group: clients, limit: 0}
kernel: {fib: none}
`;

/** 14: no file descriptors left. */
export const descriptors: Fault = {
  number: 14,
  fault: "64 file descriptors, 500 connections",
  target: "existing sessions live on, accept backs off (no busy loop), recovers when descriptors are free",
  run: () =>
    on(new Stage(rangesConfig, { wrap: ["prlimit", "--nofile=64:64"] }), async (stage) => {
      const { lane } = stage;
      const witness = await stage.session(lane.witness, { hold: 3 });
      const bystander = await stage.session(lane.bystander, { hold: 3 });
      await stage.idle();
      const crowd = lane.internals.slice(0, 500).map((address) => stage.peer(address));
      await stage.wait(1_000);
      const cpu = stage.cpuMs();
      const started = performance.now();
      await stage.wait(5_000);
      const busy = (stage.cpuMs() - cpu) / (performance.now() - started);
      bystander.send(routeUpdate(lane, "99.0.0.0/24"));
      const passed = await stage.until("a route passes", () => witness.routes.has("99.0.0.0/24"), 5_000);
      const alive = !witness.over && !bystander.over;
      const held = crowd.filter((peer) => peer.connected && !peer.over).length;
      for (const peer of crowd) peer.reset();
      const free = performance.now();
      let recovered = Number.POSITIVE_INFINITY;
      while (performance.now() - free < 20_000) {
        const late = stage.peer(lane.internal(499));
        const up = await late.establish({ as: dutAs, routerId: lane.internal(499) }, 1_000);
        late.reset();
        if (up) {
          recovered = performance.now() - free;
          break;
        }
        await stage.wait(100);
      }
      return [
        {
          ok: alive && busy < 0.3 && recovered < 5_000,
          measured: `both sessions (hold time 3 s) ${alive ? "live on" : "ended"}, a route passes in ${rounded(passed)} ms; ${held} of 500 held open, CPU ${rounded(busy * 100, 1)} % meanwhile; the first session after they left took ${rounded(recovered)} ms`,
        },
      ];
    }),
};

/** 15: silent and refused crowds. */
export const silentCrowd: Fault = {
  number: 15,
  fault: "500 silent connections out of a range and 1000 from strangers",
  target: "legit session < 2 s, <= 64 KB per silent connection, dropped after 60 s",
  run: () =>
    on(new Stage(rangesConfig), async (stage) => {
      const { lane } = stage;
      const witness = await stage.session(lane.witness);
      // The first ones cost what everything costs once.
      const warm = lane.internals.slice(0, 50).map((address) => stage.peer(address));
      await stage.until("they are up", () => warm.every(({ connected }) => connected));
      for (const peer of warm) peer.reset();
      await stage.wait(500);
      await stage.idle();
      const memory = stage.memoryMb();
      const started = performance.now();
      const silent = lane.internals.map((address) => stage.peer(address));
      const strangers = Array.from({ length: 1_000 }, () => stage.peer(lane.stranger));
      const legit = await stage.session(lane.bystander);
      legit.send(routeUpdate(lane, "99.0.0.0/24"));
      await stage.until("its route passes", () => witness.routes.has("99.0.0.0/24"));
      const ms = performance.now() - started;
      await stage.until("all have what they want", () => strangers.every((peer) => peer.over), 10_000);
      await stage.wait(1_000);
      const each = ((stage.memoryMb() - memory) * 1024) / silent.length;
      await stage.until("the silent ones are dropped", () => silent.every((peer) => peer.over), 90_000);
      const times = silent.map((peer) => (peer.overAt! - started) / 1000);
      const words = new Set(
        silent.map(({ notification: word }) => (word === null ? "none" : `${word.code}/${word.subcode}`)),
      );
      const first = Math.min(...times);
      const last = Math.max(...times);
      return [
        {
          ok: ms < 2_000 && each <= 64 && first > 50 && last < 70 && !witness.over && !legit.over,
          measured: `legit session and its first route in ${rounded(ms)} ms; ${rounded(each, 1)} KB per silent connection; all strangers closed; silent ones dropped after ${rounded(first, 1)} to ${rounded(last, 1)} s (${[...words].join(", ")})`,
        },
      ];
    }),
};
