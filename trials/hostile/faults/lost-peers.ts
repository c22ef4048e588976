import { openOf } from "../../../testbed/speaker/introduction.ts";
import { notification, update } from "../../../testbed/speaker/octets.ts";
import { dutAs } from "../lane.ts";
import { clientsConfig, type Fault, type Finding, on, rounded, Stage, tableOf } from "./stage.ts";

const routes = 1_000;

/** 5: how soon everybody knows that a peer has gone. */
export const lostPeer: Fault = {
  number: 5,
  fault: "peer lost by RST, FIN, NOTIFICATION or silence (hold time 3 s)",
  target: "routes withdrawn everywhere < 1 s after detection; hold expiry within 1 s of the timer",
  run: () =>
    on(new Stage((lane) => clientsConfig(lane, [lane.witness, ...lane.internals.slice(0, 4)])), async (stage) => {
      const { lane } = stage;
      const witness = await stage.session(lane.witness);
      await stage.idle();
      const findings: Finding[] = [];
      for (const [i, how] of ["RST", "FIN", "NOTIFICATION", "silence"].entries()) {
        const peer = await stage.session(lane.internal(i), how === "silence" ? { hold: 3 } : {});
        peer.send(tableOf(lane, 0, routes, 50));
        await stage.until("the witness has the routes", () => witness.routes.size === routes);
        const last = performance.now();
        if (how === "RST") peer.reset();
        else if (how === "FIN") peer.socket.end();
        else if (how === "NOTIFICATION") peer.send(notification(6, 2));
        else peer.beSilent();
        await stage.until("the routes are gone", () => witness.routes.size === 0);
        const ms = performance.now() - last;
        const ok = how === "silence" ? ms > 2_000 && ms < 4_000 : ms < 1_000;
        findings.push({ ok, measured: `${how}: ${routes} routes gone at the witness after ${rounded(ms)} ms` });
      }
      return findings;
    }),
};

/** 6: a node that rebooted connects anew while its old connection seems to live. */
export const halfOpen: Fault = {
  number: 6,
  fault: "half-open TCP after a peer's reboot",
  target: "new session takes over < 1 s with graceful restart; RFC 4271 §6.8 otherwise",
  run: () =>
    on(new Stage((lane) => clientsConfig(lane, [lane.witness, ...lane.internals.slice(0, 2)])), async (stage) => {
      const { lane } = stage;
      let lost = 0;
      const witness = await stage.session(lane.witness, {}, { withdrawn: () => lost++ });
      const findings: Finding[] = [];
      const local = lane.internal(0);
      const before = await stage.session(local, { gracefulRestart: { seconds: 60 } });
      before.send(tableOf(lane, 0, routes, 50));
      await stage.until("the witness has the routes", () => witness.routes.size === routes);
      await stage.idle();
      before.beSilent();
      before.socket.pause();
      const started = performance.now();
      const after = await stage.session(local, { gracefulRestart: { seconds: 60 } });
      const up = performance.now() - started;
      after.send(tableOf(lane, 0, routes, 50), update());
      await stage.wait(1_500);
      findings.push({
        ok: up < 1_000 && lost === 0 && witness.routes.size === routes && !after.over,
        measured: `with graceful restart: new session after ${rounded(up)} ms, ${lost} routes lost at the witness`,
      });
      before.reset();

      const plain = lane.internal(1);
      const old = await stage.session(plain, {});
      const rival = stage.peer(plain);
      await stage.until("TCP is up", () => rival.connected || rival.over);
      rival.send(openOf({ as: dutAs, routerId: plain }));
      await stage.until("the newcomer is refused", () => rival.over, 5_000);
      const word = rival.notification;
      findings.push({
        ok: !old.over && word?.code === 6 && word.subcode === 7,
        measured: `without: the newcomer gets ${word?.code}/${word?.subcode} (collision), the old session ${old.over ? "ended" : "stays until its hold timer"}`,
      });
      return findings;
    }),
};

/** 16: a peer that comes and goes. */
export const flapping: Fault = {
  number: 16,
  fault: "a peer flaps 200 times, 100 routes each time",
  target: "nothing stale, < 5 % CPU per flap/s, no growth",
  run: () =>
    on(new Stage((lane) => clientsConfig(lane, [lane.witness, lane.bystander, lane.internal(0)])), async (stage) => {
      const { lane } = stage;
      const witness = await stage.session(lane.witness);
      const bystander = await stage.session(lane.bystander);
      const table = tableOf(lane, 0, 100, 10);
      const flap = async (i: number) => {
        const peer = await stage.session(lane.internal(0));
        peer.send(table);
        await stage.until("the witness has its routes", () => witness.routes.size === 100);
        if (i % 3 === 0) peer.socket.end();
        else if (i % 3 === 1) peer.send(notification(6, 4));
        else peer.reset();
        await stage.until("they are gone again", () => witness.routes.size === 0);
        peer.reset();
      };
      for (let i = 0; i < 40; i++) await flap(i); // what is compiled and cached once is no growth
      await stage.idle();
      const memory = stage.memoryMb();
      const cpu = stage.cpuMs();
      const started = performance.now();
      for (let i = 0; i < 200; i++) await flap(i);
      const perFlap = (stage.cpuMs() - cpu) / 200;
      const growth = stage.memoryMb() - memory;
      const seconds = (performance.now() - started) / 1000;
      const empty = () => witness.routes.size + bystander.routes.size === 0;
      const stale = !(await stage.pulse.until(empty, 1_000));
      return [
        {
          ok: !stale && perFlap < 50 && growth < 20 && !witness.over && !bystander.over,
          measured: `200 flaps in ${rounded(seconds, 1)} s: ${stale ? "stale routes" : "nothing stale"}, ${rounded(perFlap, 1)} ms CPU a flap (${rounded(perFlap / 10, 1)} % at one a second), memory ${growth < 0 ? "" : "+"}${rounded(growth, 1)} MB`,
        },
      ];
    }),
};
