import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { NumberedSpeaker } from "../../testbed/speaker/numbered-speaker.ts";
import { Daemon, pause, until } from "./daemon.ts";

const ROUTES = 50_000;
const to = "127.0.66.1";
const port = 21_007;
const config = `router: {as: 65001, router-id: ${to}, address: ${to}, listen: {address: ${to}, port: ${port}}}
kernel: {fib: none}
dynamic-neighbors:
  - {range: 127.0.66.0/24, remote-as: internal, route-reflector-client: true, timers: {hold-time: 90}}
  - {range: 127.0.67.0/24, remote-as: internal, route-reflector-client: true, timers: {hold-time: 3}}`;

const METRICS = 21_907;
const GET = "GET /route HTTP/1.1\r\nhost: peerage\r\n\r\n";

/** A client of the control socket that sends what it likes. */
class Client {
  readonly socket: Socket;
  received = 0;
  text = "";
  closed = false;
  readonly #drip: NodeJS.Timeout | null;

  /** @param to the path of a socket, or a port of this host */
  constructor(to: string | number, send: string, { reads = true, dripMs = 0 } = {}) {
    this.socket = typeof to === "string" ? connect(to) : connect(to, "127.0.0.1");
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
    });
    if (reads)
      this.socket.on("data", (chunk: Buffer) => {
        this.received += chunk.length;
        // Of long answers the end is enough.
        this.text = (this.text + chunk.toString()).slice(-400);
      });
    else this.socket.pause();
    if (dripMs === 0) this.socket.write(send);
    let at = 0;
    this.#drip = dripMs === 0 ? null : setInterval(() => this.socket.write(send[at++ % send.length]!), dripMs);
  }

  end(): void {
    if (this.#drip !== null) clearInterval(this.#drip);
    this.socket.destroy();
  }
}

/** An operator's question: how long until the answer began, and what it was. */
async function ask(path: string, what: string): Promise<{ readonly ms: number; readonly status: number | string }> {
  const begin = performance.now();
  return new Promise((resolve) => {
    const sent = request({ socketPath: path, path: what, agent: false, timeout: 30_000 }, (response) => {
      response.resume();
      response.on("close", () => resolve({ ms: performance.now() - begin, status: response.statusCode ?? 0 }));
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer in 30 s")));
    sent.on("error", (error: NodeJS.ErrnoException) =>
      resolve({ ms: performance.now() - begin, status: error.code ?? error.message }),
    );
    sent.end();
  });
}

/** What clients of the control socket, and of the metrics, do, and how long it goes on. */
const attacks: Record<string, (path: string) => Promise<Client[]>> = {
  "1,000 questions in one write": async (path) => {
    const client = new Client(path, GET.repeat(1_000));
    await pause(10_000);
    return [client];
  },
  "40 clients that ask 1,000 times and read nothing": async (path) => {
    const clients = Array.from({ length: 40 }, () => new Client(path, GET.repeat(1_000), { reads: false }));
    await pause(5_000);
    return clients;
  },
  "16 that read, over and over": async (path) => {
    let going = true;
    setTimeout(() => {
      going = false;
    }, 5_000);
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (going) await ask(path, "/route");
      }),
    );
    return [];
  },
  "200 that leave in the middle of the answer": async (path) => {
    for (let round = 0; round < 20; round++) {
      const clients = Array.from({ length: 10 }, () => new Client(path, GET));
      await pause(100);
      for (const client of clients) client.end();
    }
    return [];
  },
  "500 connections, silent or with half a head": async (path) => {
    const clients = Array.from({ length: 500 }, (_, i) => new Client(path, i % 2 === 0 ? "" : "GET /route HTT"));
    await pause(3_000);
    return clients;
  },
  "60 that drip octets": async (path) => {
    const clients = Array.from(
      { length: 60 },
      () => new Client(path, `${GET.slice(0, -2)}x: `.repeat(9), { dripMs: 200 }),
    );
    await pause(5_000);
    return clients;
  },
  "300 scrapers: silent, dripping, deaf": async () => {
    const scrape = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n";
    const clients = Array.from({ length: 300 }, (_, i) => {
      if (i % 3 === 0) return new Client(METRICS, "");
      if (i % 3 === 1) return new Client(METRICS, `${scrape}x: ${"y".repeat(1_000)}`, { dripMs: 200 });
      return new Client(METRICS, `${scrape}\r\n`.repeat(1_000), { reads: false });
    });
    await pause(5_000);
    return clients;
  },
};

/**
 * Hostile clients of the control socket and the metrics of a daemon with a table, beside sessions with hold time 3: none may be lost, the loop keeps its
 * turns short, the operator is answered meanwhile, memory comes back, and SIGTERM is obeyed while all of them are at it.
 */
export async function questions(): Promise<Record<string, number | string>> {
  const daemon = await Daemon.start(config, { metricsPort: METRICS, watchStalls: true });
  const path = daemon.controlSocket;
  const feeder = new NumberedSpeaker({ from: "127.0.66.2", to, port });
  await until("the feeder is up", () => feeder.established);
  await feeder.announce({ first: 0, count: ROUTES, together: 5, version: 1 });
  // Only now, as making the routes keeps this process from sending KEEPALIVEs on a busy machine.
  const nervous = Array.from(
    { length: 5 },
    (_, i) => new NumberedSpeaker({ from: `127.0.67.${10 + i}`, to, port, holdTime: 3, routes: ROUTES }),
  );
  await until("all have everything", () => nervous.every((peer) => peer.announced >= ROUTES));
  await ask(path, "/route");
  await pause(2_000);
  const figures: Record<string, number | string> = { routes: ROUTES };
  const before = daemon.residentMib;
  const used = async () => (await daemon.metric('bgp_memory_bytes{of="all"}'))[0]! / 2 ** 20;
  const usedBefore = await used();
  for (const [name, attack] of Object.entries(attacks)) {
    await daemon.metric("bgp_build_info");
    daemon.longestStall();
    const cpu = daemon.cpuSeconds;
    const begin = performance.now();
    const running = attack(path);
    await pause(1_000);
    const operator = [];
    for (let i = 0; i < 10; i++) {
      operator.push(await ask(path, "/summary"));
      await pause(100);
    }
    const clients = await running;
    const seconds = (performance.now() - begin) / 1000;
    const [p99, max] = await daemon.metric(
      'bgp_event_loop_lag_seconds{quantile="0.99"}',
      'bgp_event_loop_lag_seconds{quantile="1"}',
    );
    const peak = daemon.residentMib;
    for (const client of clients) client.end();
    const statuses = new Map<string, number>();
    for (const { status } of operator) statuses.set(String(status), (statuses.get(String(status)) ?? 0) + 1);
    figures[name] = [
      `${seconds.toFixed(1)} s`,
      `CPU ${(((daemon.cpuSeconds - cpu) / seconds) * 100).toFixed(0)} %`,
      `loop p99 ${(p99! * 1000).toFixed(1)}, max ${(max! * 1000).toFixed(0)} ms`,
      `longest stall ${daemon.longestStall()}`,
      `RSS ${peak.toFixed(0)} MiB`,
      `operator's summary within ${Math.max(...operator.map(({ ms }) => ms)).toFixed(0)} ms: ${[...statuses].map(([status, count]) => `${count} x ${status}`).join(", ")}`,
      `hold-3 sessions lost ${nervous.filter((peer) => !peer.established).length}`,
    ].join("; ");
  }
  await pause(12_000);
  const usedAfter = await used();
  figures["RSS before, 12 s after, peak (MiB)"] = [before, daemon.residentMib, daemon.peakMib]
    .map((mib) => mib.toFixed(0))
    .join(", ");
  figures["in use before, 12 s after (MiB)"] = `${usedBefore.toFixed(0)}, ${usedAfter.toFixed(0)}`;
  const crowd = [
    ...Array.from({ length: 20 }, () => new Client(path, GET.repeat(1_000))),
    ...Array.from({ length: 20 }, () => new Client(path, GET.repeat(1_000), { reads: false })),
    ...Array.from({ length: 100 }, () => new Client(path, "GET")),
  ];
  await pause(500);
  const begin = performance.now();
  await daemon.stop();
  figures["ended after SIGTERM under all of them (ms)"] = (performance.now() - begin).toFixed(0);
  for (const client of crowd) client.end();
  for (const peer of [feeder, ...nervous]) peer.close();
  return figures;
}
