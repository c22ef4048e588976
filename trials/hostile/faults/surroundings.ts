import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { attribute, nlri4, update } from "../../../testbed/speaker/octets.ts";
import { clientsConfig, type Fault, type Finding, on, rounded, routeUpdate, Stage, tableOf } from "./stage.ts";

/** 13: the wall clock jumps. */
export const clock: Fault = {
  number: 13,
  fault:
    "the wall clock jumps a day ahead and two days back, five times (seen by the program; the kernel's clock stays)",
  target: "no session lost, no timer storm (monotonic clock only)",
  run: () =>
    on(
      new Stage((lane) => clientsConfig(lane, [lane.witness, lane.bystander], { timers: "{hold-time: 3}" }), {
        environment: { NODE_OPTIONS: `--import ${join(import.meta.dirname, "jumping-clock.js")}` },
      }),
      async (stage) => {
        const { lane } = stage;
        const witness = await stage.session(lane.witness, { hold: 3 });
        const bystander = await stage.session(lane.bystander, { hold: 3 });
        await stage.idle();
        const keepalives = witness.keepalivesReceived;
        const cpu = stage.cpuMs();
        for (let i = 0; i < 5; i++) {
          process.kill(stage.pid, "SIGUSR2");
          await stage.wait(2_000);
        }
        const sent = witness.keepalivesReceived - keepalives;
        bystander.send(routeUpdate(lane, "99.0.0.0/24"));
        const ms = await stage.until("a route passes", () => witness.routes.has("99.0.0.0/24"));
        const { neighbors, router } = await stage.peerage.summary();
        const uptimes = [router.uptimeSeconds, ...neighbors.map((row) => row.uptimeSeconds)];
        const sane = uptimes.every((seconds) => seconds >= 0 && seconds < 60);
        return [
          {
            ok: !witness.over && !bystander.over && sent >= 8 && sent <= 20 && sane && ms < 1_000,
            measured: `sessions with hold time 3 s ${witness.over || bystander.over ? "ended" : "live on"}; ${sent} KEEPALIVEs in 10 s, ${rounded(stage.cpuMs() - cpu)} ms CPU; uptimes ${sane ? "unmoved" : uptimes.join(" ")}; a route passes in ${rounded(ms)} ms`,
          },
        ];
      },
    ),
};

/** Watches the pace of KEEPALIVEs and of routes while something else goes on. */
async function pace(
  stage: Stage,
  seconds: number,
  meanwhile: () => void = () => {},
): Promise<{ slowest: number; alive: boolean }> {
  const { lane } = stage;
  const witness = await stage.session(lane.witness, { hold: 3, ipv6: false });
  const bystander = await stage.session(lane.bystander, { hold: 3, ipv6: false });
  await stage.idle();
  meanwhile();
  let slowest = 0;
  const until = performance.now() + seconds * 1000;
  for (let i = 0; performance.now() < until; i++) {
    const prefix = `99.${i >> 8}.${i & 255}.0/24`;
    bystander.send(routeUpdate(lane, prefix));
    slowest = Math.max(slowest, await stage.until("a route passes", () => witness.routes.has(prefix) || witness.over));
    await stage.wait(100);
  }
  return { slowest, alive: !witness.over && !bystander.over };
}

const metricsPort = 9179;

/** 20: those who ask, and don't read the answer. */
export const hangingReaders: Fault = {
  number: 20,
  fault: "60 readers of API and metrics that hang, half of them in the middle of a request; 100,000 routes",
  target: "no effect on sessions",
  run: () =>
    on(
      new Stage((lane) =>
        clientsConfig(lane, [lane.witness, lane.bystander, lane.internal(0)], {
          more: `telemetry: {metrics: {listen: "0.0.0.0:${metricsPort}"}}\n`,
        }),
      ),
      async (stage) => {
        const { lane } = stage;
        const feeder = await stage.session(lane.internal(0), { ipv6: false }, { watch: "00" });
        feeder.send(tableOf(lane, 0, 100_000, 50));
        await stage.lab.until(
          "all routes are there",
          async () => (await stage.peerage.neighborRow(lane.internal(0)))?.prefixes.accepted === 100_000,
        );
        const before = stage.memoryMb();
        const sockets: Socket[] = [];
        const hang = (text: string, to: { path: string } | { host: string; port: number }) => {
          const socket = connect(to as { path: string });
          socket.on("error", () => {});
          socket.pause();
          socket.write(text);
          sockets.push(socket);
        };
        const result = await pace(stage, 15, () => {
          const control = { path: stage.peerage.socket };
          const metrics = { host: lane.dut, port: metricsPort };
          for (let i = 0; i < 15; i++) {
            hang("GET /route HTTP/1.1\r\nHost: x\r\n\r\n", control);
            hang("GET /route HTTP/1.1\r\nHost: x\r\nX-Slow: ", control);
            hang("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20), metrics);
            hang("GET /metr", metrics);
          }
        });
        const extra = stage.memoryMb() - before;
        for (const socket of sockets) socket.destroy();
        return [
          {
            ok: result.alive && result.slowest < 1_000 && extra < 150,
            measured: `sessions with hold time 3 s ${result.alive ? "live on" : "ended"}; the slowest route took ${rounded(result.slowest)} ms; ${rounded(extra)} MB extra`,
          },
        ];
      },
    ),
};

/** A bad UPDATE is a line in the log. */
const noisy: Uint8Array = update({ attributes: [attribute(0x40, 1, "09")], nlri: nlri4("97.0.0.0/24") });

async function withLog(title: string, shell: string): Promise<Finding> {
  const [finding] = await on(
    new Stage(
      (lane) =>
        clientsConfig(lane, [lane.witness, lane.bystander, lane.internal(0)], {
          more: "telemetry: {log: {level: debug}}\n",
        }),
      { wrap: ["sh", "-c", shell, "sh"] },
    ),
    async (stage) => {
      const { lane } = stage;
      const before = stage.memoryMb();
      const noise = await stage.session(lane.internal(0));
      const result = await pace(stage, 8, () => {
        for (let i = 0; i < 20_000; i++) noise.send(noisy);
      });
      const extra = stage.memoryMb() - before;
      return [
        {
          ok: result.alive && result.slowest < 1_000 && extra < 100 && !noise.over,
          measured: `${title}: sessions with hold time 3 s ${result.alive ? "live on" : "ended"}, the slowest route took ${rounded(result.slowest)} ms, ${rounded(extra)} MB extra`,
        },
      ];
    },
  );
  return finding!;
}

/** 21: nowhere to write. */
export const noRoom: Fault = {
  number: 21,
  fault: "log pipe that nobody reads; disk full; 20,000 log lines each",
  target: "no effect on sessions",
  run: async () => [
    await withLog("pipe blocked", 'mkfifo stuck; exec 3<>stuck; exec "$@" >stuck 2>&1'),
    await withLog("disk full", 'mkdir full; mount -t tmpfs -o size=64k none full; exec "$@" >full/log 2>&1'),
  ],
};
