import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { hostname } from "node:os";
import t, { type Test } from "tap";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { metricsOf, type ProcessFigures } from "../../src/metrics/metrics.ts";
import { thisProcess } from "../../src/metrics/process-figures.ts";
import { MetricsRefused, type MetricsServerOptions, startMetricsServer } from "../../src/metrics/server.ts";
import type { MetricsSource, PeerMetrics } from "../../src/view/metrics-port.ts";
import type { Readiness } from "../../src/view/model.ts";

const peer = (more: Partial<PeerMetrics> = {}): PeerMetrics => ({
  peer: "10.0.0.2",
  remoteAs: 65001,
  state: "Established",
  stateMs: 90_000,
  flaps: 2,
  bfd: { isUp: true, downs: 3 },
  received: [10, 1, 4, 0, 5, 0],
  sent: [9, 1, 2, 1, 5, 0],
  families: [{ family: "ipv4-unicast", received: 7, accepted: 6, best: 5, advertised: 4 }],
  ...more,
});

class FakeSource implements MetricsSource {
  version = "0.1.0";
  list: PeerMetrics[] = [peer(), peer({ peer: "2001:db8::1", remoteAs: null, state: "Active", families: [] })];
  asked = 0;
  locRib = { "ipv4-unicast": 3, "ipv6-unicast": 1 };
  fib = {
    installed: 3,
    operations: { add: { ok: 3, failed: 1, overridden: 0 }, delete: { ok: 0, failed: 0, overridden: 0 } },
    queued: 0,
    repaired: 1,
    resyncs: 0,
  };
  convergence = {
    peers: { boundsMs: [1, 10], buckets: [2, 1, 1], count: 4, totalMs: 50 },
    fib: { boundsMs: [1, 10], buckets: [0, 0, 0], count: 0, totalMs: 0 },
  };
  keepaliveLag = { boundsMs: [5], buckets: [7, 1], count: 8, totalMs: 16 };
  refused = { "unknown-peer": 12 };
  memory = { used: 3000, routes: 2000, budget: Number.POSITIVE_INFINITY };
  paused = 2;
  policyHits = [{ policy: "in", term: 2, verdict: "reject" as const, count: 41 }];
  totals = { flaps: 4, received: [20, 2, 8, 0, 10, 0], sent: [18, 2, 4, 2, 10, 0] };

  peers(): Iterable<PeerMetrics> {
    this.asked++;
    return this.list;
  }
}

const figures: ProcessFigures = {
  loopLag: { read: () => ({ p50: 0.001, p99: 0.01, max: 0.1 }) },
  nodeVersion: "20.20.2",
  residentBytes: () => 1000,
  cpuSeconds: () => 2.5,
  startedAt: 1_700_000_000,
  logLinesDropped: () => 3,
};

async function scrape(source = new FakeSource(), perPeerUpTo = 200): Promise<string> {
  return (await metricsOf(source, figures, () => perPeerUpTo).text(async () => {})).toString();
}

t.test("a scrape has the contract's metrics under their names and labels", async (t) => {
  const text = await scrape();
  for (const line of [
    'bgp_peer_up{peer="10.0.0.2",remote_as="65001"} 1',
    'bgp_peer_up{peer="2001:db8::1",remote_as=""} 0',
    'bgp_peer_state{peer="10.0.0.2",remote_as="65001"} 6',
    'bgp_peer_uptime_seconds{peer="10.0.0.2",remote_as="65001"} 90',
    'bgp_peer_uptime_seconds{peer="2001:db8::1",remote_as=""} 0',
    'bgp_peer_flaps_total{peer="10.0.0.2",remote_as="65001"} 2',
    'bgp_bfd_up{peer="10.0.0.2"} 1',
    'bgp_bfd_downs_total{peer="10.0.0.2"} 3',
    'bgp_peer_messages_total{peer="10.0.0.2",direction="received",type="update"} 4',
    'bgp_peer_messages_total{peer="10.0.0.2",direction="sent",type="route-refresh"} 0',
    'bgp_routes{peer="10.0.0.2",family="ipv4-unicast",stage="best"} 5',
    'bgp_loc_rib_routes{family="ipv6-unicast"} 1',
    "bgp_fib_routes 3",
    'bgp_fib_operations_total{op="add",result="failed"} 1',
    'bgp_convergence_seconds_bucket{to="peers",le="0.001"} 2',
    'bgp_convergence_seconds_bucket{to="peers",le="0.01"} 3',
    'bgp_convergence_seconds_bucket{to="peers",le="+Inf"} 4',
    'bgp_convergence_seconds_sum{to="peers"} 0.05',
    'bgp_convergence_seconds_count{to="fib"} 0',
    'bgp_keepalive_lag_seconds_bucket{le="0.005"} 7',
    "bgp_keepalive_lag_seconds_count 8",
    'bgp_event_loop_lag_seconds{quantile="0.99"} 0.01',
    'bgp_build_info{version="0.1.0",node="20.20.2"} 1',
    'bgp_connections_refused_total{reason="unknown-peer"} 12',
    'bgp_memory_bytes{of="all"} 3000',
    'bgp_memory_bytes{of="routes"} 2000',
    "bgp_sessions_paused 2",
    'bgp_policy_term_hits_total{policy="in",term="2",verdict="reject"} 41',
    "bgp_log_lines_dropped_total 3",
    "process_resident_memory_bytes 1000",
  ])
    t.ok(text.split("\n").includes(line), line);
  for (const [name, type] of [
    ["bgp_peer_up", "gauge"],
    ["bgp_peer_flaps_total", "counter"],
    ["bgp_bfd_up", "gauge"],
    ["bgp_bfd_downs_total", "counter"],
    ["bgp_convergence_seconds", "histogram"],
  ] as const)
    t.match(text, `# TYPE ${name} ${type}\n`);
});

t.test("above a number of peers the series of single peers are left out, and the sums stay", async (t) => {
  const text = await scrape(new FakeSource(), 1);
  t.notMatch(text, /10\.0\.0\.2/);
  for (const line of [
    'bgp_peers{state="Established"} 1',
    'bgp_peers{state="Active"} 1',
    'bgp_peers{state="Idle"} 0',
    "bgp_peers_flaps_total 4",
    'bgp_peers_messages_total{direction="received",type="update"} 8',
    'bgp_peers_routes{family="ipv4-unicast",stage="received"} 7',
  ])
    t.ok(text.split("\n").includes(line), line);
});

t.test("peers are asked once a scrape, and anew for the next", async (t) => {
  const source = new FakeSource();
  const metrics = metricsOf(source, figures, () => 200);
  const turn = async () => {};
  await metrics.text(turn);
  t.equal(source.asked, 1);
  source.list = [peer({ flaps: 9 })];
  t.match((await metrics.text(turn)).toString(), /bgp_peer_flaps_total\{peer="10\.0\.0\.2",remote_as="65001"\} 9\n/);
  t.equal(source.asked, 2);
});

t.test("two speakers in one process have metrics of their own", async (t) => {
  const other = new FakeSource();
  other.list = [];
  t.match(await scrape(), /bgp_peer_up\{/);
  t.notMatch(await scrape(other), /bgp_peer_up\{/);
});

t.test(
  "a thousand peers with all their series are written in slices, and the text is the same as of one piece",
  async (t) => {
    const source = new FakeSource();
    source.list = Array.from({ length: 1000 }, (_, i) => peer({ peer: `10.1.${i >> 8}.${i & 255}` }));
    let turns = 0;
    const written = await metricsOf(source, figures, () => 1000).text(async () => {
      turns++;
    });
    const text = written.toString();
    const lines = text.trimEnd().split("\n");
    const ofPeers = lines.filter((line) => /^bgp_(peer|routes)[_a-z]*\{.*peer="/.test(line));
    t.equal(ofPeers.length, 18_000);
    t.equal(new Set(lines).size, lines.length, "no line twice");
    t.ok(turns >= 36, `${turns} turns for 18,000 series`);
    t.equal(lines.filter((line) => line.startsWith("bgp_peer_messages_total{")).length, 10_000);
    const few = new FakeSource();
    few.list = source.list.slice(0, 5);
    const names = (of: string) => of.split("\n").filter((line) => line.startsWith("#"));
    t.same(names(text), names(await scrape(few)), "each metric has its name, type and help once, in one order");
  },
);

t.test("docs/telemetry.md names exactly the metrics that there are, with their types", async (t) => {
  const text = await scrape();
  const served = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  const page = readFileSync("docs/telemetry.md", "utf8");
  const documented = [...page.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`);
  t.same(documented.toSorted(), served.toSorted());
});

// Over HTTP ----------------------------------------------------------------------------------------------------------

/** Turns come, time stands still: scrapes of one moment are of one moment on a slow machine, too. */
const still: Clock = { ...systemClock, now: () => 0, setTimer: () => ({ cancel() {} }) };

/** How the daemon stands, in the words of one that has nothing left to do. */
const calm: Readiness = { ready: true, reasons: [], pending: [], warnings: [], writer: null, changes: 1 };
const readiness = (): Readiness => calm;

async function serve(t: Test, source = new FakeSource(), more: Partial<MetricsServerOptions> = {}) {
  const server = await startMetricsServer({
    readiness,
    metrics: metricsOf(source, figures, () => 200),
    listen: { host: "127.0.0.1", port: 0 },
    clock: still,
    log: silentLog,
    ...more,
  });
  t.teardown(() => server.close());
  return { server, source, url: `http://127.0.0.1:${server.port}` };
}

t.test("GET /metrics is Prometheus text; other paths and methods are refused", async (t) => {
  const { url } = await serve(t);
  const answer = await fetch(`${url}/metrics`);
  t.match(answer.headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
  t.match(await answer.text(), /^# HELP bgp_peer_up /);
  t.equal((await fetch(`${url}/metrics?x=1`)).status, 200);
  t.equal((await fetch(`${url}/metrics`, { method: "HEAD" })).status, 200);
  t.equal((await fetch(`${url}/`)).status, 200);
  t.equal((await fetch(`${url}/secret`)).status, 404);
  t.equal((await fetch(`${url}/metrics`, { method: "POST", body: "x" })).status, 405);
});

t.test("GET /healthz is 200 while the process answers, /readyz 503 with a reason in each line", async (t) => {
  let stands: Readiness = {
    ...calm,
    reasons: ["the daemon is still starting", "b"],
    warnings: ["neighbor\u001b down"],
  };
  const { url } = await serve(t, undefined, { readiness: () => stands });
  const ask = async (path: string) => {
    const answer = await fetch(`${url}${path}`);
    return [answer.status, await answer.text()];
  };
  t.same(await ask("/healthz"), [200, "ok\n"]);
  t.same(await ask("/readyz"), [503, "the daemon is still starting\nb\nwarning: neighbor\\u{1b} down\n"]);
  stands = { ...calm, warnings: ["neighbor 10.0.0.1 is Active"] };
  t.same(await ask("/readyz?verbose"), [200, "ready\nwarning: neighbor 10.0.0.1 is Active\n"]);
  t.equal((await fetch(`${url}/readyz`, { method: "HEAD" })).status, 200);
  t.equal((await fetch(`${url}/readyz`, { method: "POST", body: "x" })).status, 405);
});

t.test("scrapers that come together share one text", async (t) => {
  const { url, source } = await serve(t);
  await Promise.all(Array.from({ length: 8 }, async () => (await fetch(`${url}/metrics`)).text()));
  t.equal(source.asked, 1);
});

t.test("scrapers that hang or read nothing hold nobody up", async (t) => {
  const source = new FakeSource();
  source.list = Array.from({ length: 190 }, (_, i) => peer({ peer: `10.1.0.${i}` }));
  const { url, server } = await serve(t, source);
  const hanging = Array.from({ length: 10 }, () => connect(server.port, "127.0.0.1"));
  t.teardown(() => {
    for (const socket of hanging) socket.destroy();
  });
  for (const [i, socket] of hanging.entries()) {
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.pause();
    socket.write(i % 2 === 0 ? "GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" : "GET /met");
  }
  t.match(await (await fetch(`${url}/metrics`)).text(), /bgp_build_info/);
});

t.test("a Host that is none of ours is refused: no foreign page reads metrics by DNS rebinding", async (t) => {
  const { server } = await serve(t, new FakeSource(), { hosts: () => ["bgp.example.net"] });
  const statusFor = (host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { host };
      const sent = request(
        { host: "127.0.0.1", port: server.port, path: "/metrics", headers, agent: false },
        (answer) => {
          answer.resume();
          answer.on("end", () => resolve(answer.statusCode));
        },
      );
      sent.on("error", reject);
      sent.end();
    });
  for (const host of ["127.0.0.1:9179", "localhost", "[::1]:9179", hostname(), "bgp.example.net:80"])
    t.equal(await statusFor(host), 200, host);
  for (const host of ["evil.example", "evil.bgp.example.net"]) t.equal(await statusFor(host), 421, host);
});

t.test("who drips octets, or many who say nothing, keep no scraper out", async (t) => {
  const { url, server } = await serve(t, new FakeSource(), {
    clock: systemClock,
    bounds: { connections: 4, requests: 2, requestMs: 100 },
  });
  const crowd = Array.from({ length: 20 }, () => connect(server.port, "127.0.0.1"));
  const closed = crowd.map((socket) => new Promise((resolve) => socket.on("close", resolve)));
  for (const socket of crowd) {
    socket.on("error", () => {});
    socket.resume();
    socket.write("GET /metrics HTTP/1.1\r\nx: ");
  }
  let over = false;
  const drip = (): void => {
    for (const socket of crowd) if (socket.writable) socket.write("a");
    if (!over) systemClock.setTimer(20, drip);
  };
  drip();
  t.match(await (await fetch(`${url}/metrics`)).text(), /bgp_build_info/);
  await Promise.all(closed);
  over = true;
});

t.test("a port that is taken is one sentence", async (t) => {
  const { server } = await serve(t);
  const metrics = metricsOf(new FakeSource(), figures, () => 200);
  await t.rejects(
    startMetricsServer({
      readiness,
      metrics,
      listen: { host: "127.0.0.1", port: server.port },
      clock: systemClock,
      log: silentLog,
    }),
    new MetricsRefused(`Cannot serve metrics on 127.0.0.1 port ${server.port}: somebody else listens there`),
  );
  await t.rejects(
    startMetricsServer({
      metrics,
      readiness,
      listen: { host: "203.0.113.77", port: 1 },
      clock: systemClock,
      log: silentLog,
    }),
    {
      message: "Cannot serve metrics on 203.0.113.77 port 1: this host has no such address",
    },
  );
});

t.test("the figures of this process are plausible", async (t) => {
  const own = thisProcess(() => 0);
  t.teardown(() => own.stop());
  t.ok(own.residentBytes() > 10e6);
  t.ok(own.cpuSeconds() > 0);
  t.ok(Math.abs(own.startedAt - performance.timeOrigin / 1000) < 60, "a time of day, in seconds");
  const { p50, p99, max } = own.loopLag.read();
  t.ok(p50 >= 0 && p99 >= p50 && max >= p99, `${p50} ${p99} ${max}`);
});
