import type { MetricsSource, PeerMetrics } from "../view/metrics-port.ts";
import { Scraper } from "./scraper.ts";
import { histogram, type Sample, type Series } from "./series.ts";

/**
 * The metrics room: Prometheus text from the speaker's plain counters, made in slices. Nothing is kept between two scrapes.
 * Series of single peers cost a scrape about four microseconds each and are left out above a number of peers; the sums stay.
 */
export interface LoopLag {
  /** Delays of the event loop since the last reading, in seconds. */
  read(): { readonly p50: number; readonly p99: number; readonly max: number };
}

/** What is known of the process as a whole. */
export interface ProcessFigures {
  readonly loopLag: LoopLag;
  readonly nodeVersion: string;
  residentBytes(): number;
  cpuSeconds(): number;
  /** Seconds since 1970. */
  readonly startedAt: number;
  logLinesDropped(): number;
}

const messageTypes = ["open", "update", "notification", "keepalive", "route-refresh"] as const;

/** As in BGP4-MIB (RFC 4273 bgpPeerState). */
const stateNumbers = { Idle: 1, Connect: 2, Active: 3, OpenSent: 4, OpenConfirm: 5, Established: 6 } as const;
const states = Object.keys(stateNumbers) as (keyof typeof stateNumbers)[];

/** The metrics of one speaker. @param perPeerUpTo peers above which their single series are left out; read at each scrape */
export function metricsOf(source: MetricsSource, figures: ProcessFigures, perPeerUpTo: () => number): Scraper {
  const all: Series[] = [...peerSeries(perPeerUpTo)];
  const add = (type: Series["type"], name: string, help: string, read: () => Iterable<Sample>) =>
    all.push({ type, name, help, read });

  add("gauge", "bgp_loc_rib_routes", "Prefixes with a best path.", () =>
    Object.entries(source.locRib).map(([family, value]) => ({ labels: { family }, value })),
  );
  add("gauge", "bgp_fib_routes", "Routes of ours in the kernel.", () => [{ value: source.fib.installed }]);
  add("gauge", "bgp_fib_queued", "Route changes that wait to be written to the kernel.", () => [
    { value: source.fib.queued },
  ]);
  add("counter", "bgp_fib_operations_total", "Route changes that the kernel answered.", () =>
    Object.entries(source.fib.operations).flatMap(([op, results]) =>
      Object.entries(results).map(([result, value]) => ({ labels: { op, result }, value })),
    ),
  );
  add("counter", "bgp_fib_repaired_total", "Outside changes of our kernel routes that were put right.", () => [
    { value: source.fib.repaired },
  ]);
  add("counter", "bgp_fib_resyncs_total", "Times the kernel's routes were read anew because events were lost.", () => [
    { value: source.fib.resyncs },
  ]);
  add("counter", "bgp_connections_refused_total", "Connections turned away at the door.", () =>
    Object.entries(source.refused).map(([reason, value]) => ({ labels: { reason }, value })),
  );
  add("counter", "bgp_policy_term_hits_total", "Routes that a term of a policy has fitted.", function* () {
    for (const { policy, term, verdict, count } of source.policyHits)
      yield { labels: { policy, term, verdict }, value: count };
  });
  add("gauge", "bgp_memory_bytes", "Memory in use, that of the route tables within it, and the budget.", () => {
    const { used, routes, budget } = source.memory;
    const known = budget === Number.POSITIVE_INFINITY ? [] : [{ labels: { of: "budget" }, value: budget }];
    return [{ labels: { of: "all" }, value: used }, { labels: { of: "routes" }, value: routes }, ...known];
  });
  add("gauge", "bgp_sessions_paused", "Sessions that are not read at the moment, so that they wait for us.", () => [
    { value: source.paused },
  ]);
  add(
    "histogram",
    "bgp_convergence_seconds",
    "From the read of an UPDATE to its last byte handed to every member's socket, or to the kernel's answer.",
    () => [
      ...histogram("bgp_convergence_seconds", source.convergence.peers, { to: "peers" }),
      ...histogram("bgp_convergence_seconds", source.convergence.fib, { to: "fib" }),
    ],
  );
  add("histogram", "bgp_keepalive_lag_seconds", "How late KEEPALIVEs left.", () =>
    histogram("bgp_keepalive_lag_seconds", source.keepaliveLag),
  );
  add("gauge", "bgp_event_loop_lag_seconds", "Delay of the event loop since the last scrape.", () => {
    const { p50, p99, max } = figures.loopLag.read();
    return [
      { labels: { quantile: "0.5" }, value: p50 },
      { labels: { quantile: "0.99" }, value: p99 },
      { labels: { quantile: "1" }, value: max },
    ];
  });
  add("counter", "bgp_log_lines_dropped_total", "Log lines that nobody took.", () => [
    { value: figures.logLinesDropped() },
  ]);
  add("gauge", "bgp_build_info", "Always 1; what is running stands in the labels.", () => [
    { labels: { version: source.version, node: figures.nodeVersion }, value: 1 },
  ]);
  add("gauge", "process_resident_memory_bytes", "Resident memory.", () => [{ value: figures.residentBytes() }]);
  add("counter", "process_cpu_seconds_total", "CPU time, user and system.", () => [{ value: figures.cpuSeconds() }]);
  add("gauge", "process_start_time_seconds", "Start, in seconds since 1970.", () => [{ value: figures.startedAt }]);
  return new Scraper(source, all);
}

function peerSeries(perPeerUpTo: () => number): Series[] {
  const all: Series[] = [];
  const add = (type: Series["type"], name: string, help: string, read: Series["read"]) =>
    all.push({ type, name, help, read });
  /** A series for each peer, as long as they are few. */
  const each = (type: Series["type"], name: string, help: string, read: (peer: PeerMetrics) => Iterable<Sample>) =>
    add(type, name, help, function* ({ peers }) {
      if (peers.length <= perPeerUpTo()) for (const peer of peers) yield* read(peer);
    });
  const labels = (peer: PeerMetrics) => ({ peer: peer.peer, remote_as: peer.remoteAs ?? "" });
  each("gauge", "bgp_peer_up", "1 while the session is established.", (peer) => [
    { labels: labels(peer), value: peer.state === "Established" ? 1 : 0 },
  ]);
  each(
    "gauge",
    "bgp_peer_state",
    "1 idle, 2 connect, 3 active, 4 opensent, 5 openconfirm, 6 established (RFC 4273).",
    (peer) => [{ labels: labels(peer), value: stateNumbers[peer.state] }],
  );
  each("gauge", "bgp_peer_uptime_seconds", "How long the session has been established; 0 while it isn't.", (peer) => [
    { labels: labels(peer), value: peer.state === "Established" ? peer.stateMs / 1000 : 0 },
  ]);
  each("counter", "bgp_peer_flaps_total", "Times the session went down.", (peer) => [
    { labels: labels(peer), value: peer.flaps },
  ]);
  each("gauge", "bgp_bfd_up", "1 while the BFD session is up; only of peers that have one.", ({ peer, bfd }) =>
    bfd === null ? [] : [{ labels: { peer }, value: bfd.isUp ? 1 : 0 }],
  );
  each("counter", "bgp_bfd_downs_total", "Times the BFD session left Up.", ({ peer, bfd }) =>
    bfd === null ? [] : [{ labels: { peer }, value: bfd.downs }],
  );
  each("counter", "bgp_peer_messages_total", "Messages.", (peer) =>
    (["received", "sent"] as const).flatMap((direction) =>
      messageTypes.map((type, i) => ({
        labels: { peer: peer.peer, direction, type },
        value: peer[direction][i + 1] ?? 0,
      })),
    ),
  );
  each("gauge", "bgp_routes", "Routes of a peer, by how far they came.", (peer) =>
    peer.families.flatMap((counts) =>
      stages.map((stage) => ({ labels: { peer: peer.peer, family: counts.family, stage }, value: counts[stage] })),
    ),
  );

  add("gauge", "bgp_peers", "Peers by state.", ({ peers }) =>
    states.map((state) => ({ labels: { state }, value: peers.filter((peer) => peer.state === state).length })),
  );
  add("counter", "bgp_peers_flaps_total", "Times any session went down.", ({ totals }) => [{ value: totals.flaps }]);
  add("counter", "bgp_peers_messages_total", "Messages of all peers.", ({ totals }) =>
    (["received", "sent"] as const).flatMap((direction) =>
      messageTypes.map((type, i) => ({ labels: { direction, type }, value: totals[direction][i + 1] ?? 0 })),
    ),
  );
  add("gauge", "bgp_peers_routes", "Routes of all peers, by how far they came.", ({ peers }) => {
    const sums = new Map<string, { family: string; stage: string; value: number }>();
    for (const { families } of peers)
      for (const counts of families)
        for (const stage of stages) {
          const key = `${counts.family} ${stage}`;
          const before = sums.get(key)?.value ?? 0;
          sums.set(key, { family: counts.family, stage, value: before + counts[stage] });
        }
    return [...sums.values()].map(({ family, stage, value }) => ({ labels: { family, stage }, value }));
  });
  return all;
}

const stages = ["received", "accepted", "best", "advertised"] as const;
