import { type FamilyName, families, familyName } from "../lib/family.ts";
import { KeepaliveLag } from "../session/counters.ts";
import { type DelayHistogram, DelayHistogram as Delays } from "../speaker/load/convergence.ts";
import type { Peer } from "../speaker/peer.ts";
import type { SpeakerState } from "../speaker/speaker-state.ts";
import { BestCounts } from "./best-counts.ts";
import type { Durations, FibMetrics, MetricsSource, PeerFamilyMetrics, PeerMetrics } from "./metrics-port.ts";
import { advertisedTo } from "./neighbors.ts";

const delayBoundsMs = Delays.bounds.map((seconds) => seconds * 1000);

const inMilliseconds = ({ buckets, count, sumSeconds }: DelayHistogram): Durations => ({
  boundsMs: delayBoundsMs,
  buckets,
  count,
  totalMs: sumSeconds * 1000,
});

/** The numbers of a running speaker, for its metrics. Made only where they are scraped: counting best paths costs two octets a prefix. */
export class LiveMetrics implements MetricsSource {
  readonly version: string;
  readonly #speaker: SpeakerState;
  /** Indexed by family. */
  readonly #best: readonly BestCounts[];

  constructor(speaker: SpeakerState, version: string) {
    this.version = version;
    this.#speaker = speaker;
    this.#best = families.map((family) => new BestCounts(speaker.tables.byFamily[family]!));
  }

  *peers(): Generator<PeerMetrics> {
    for (const peer of this.#speaker.peers) yield this.#peer(peer);
  }

  get locRib(): Record<FamilyName, number> {
    const count = (family: (typeof families)[number]) => this.#speaker.tables.byFamily[family]!.bestCount;
    return { "ipv4-unicast": count(0), "ipv6-unicast": count(1) };
  }

  get fib(): FibMetrics {
    const { installed, operations, queued, repaired, resyncs } = this.#speaker.kernel.fib.counters;
    return { installed, operations, queued, repaired, resyncs };
  }

  get convergence(): MetricsSource["convergence"] {
    const { toPeers, toFib } = this.#speaker.convergence;
    return { peers: inMilliseconds(toPeers), fib: inMilliseconds(toFib) };
  }

  get keepaliveLag(): Durations {
    const { buckets, count, totalMs } = this.#speaker.keepaliveLag;
    return { boundsMs: KeepaliveLag.boundsMs, buckets, count, totalMs };
  }

  get refused(): Record<string, number> {
    const { unknown, overLimit, halfOpen, memory } = this.#speaker.peers.refused;
    return { "unknown-peer": unknown, "range-limit": overLimit, "half-open": halfOpen, memory };
  }

  get policyHits(): MetricsSource["policyHits"] {
    return this.#speaker.policyHits.rows();
  }

  get memory(): MetricsSource["memory"] {
    const { memory, tables } = this.#speaker;
    return { used: memory.used, routes: tables.rib.bytes, budget: memory.budget };
  }

  get totals(): MetricsSource["totals"] {
    return this.#speaker.peers.totals;
  }

  get paused(): number {
    return this.#speaker.backPressure.paused;
  }

  #peer(peer: Peer): PeerMetrics {
    const { session, settings } = peer;
    return {
      peer: peer.address,
      remoteAs: peer.remoteAs,
      state: session.state,
      stateMs: this.#speaker.clock.now() - session.stateSince,
      flaps: peer.flaps,
      bfd: this.#speaker.bfd?.watching(peer.address) ?? null,
      received: session.counters.received,
      sent: session.counters.sent,
      families: families
        .filter((family) => settings.families[family])
        .map((family): PeerFamilyMetrics => {
          const { received, accepted } = this.#speaker.tables.byFamily[family]!.counts(peer.source);
          const best = peer.source === 0 ? 0 : this.#best[family]!.of(peer.source);
          return { family: familyName(family), received, accepted, best, advertised: advertisedTo(peer, family) };
        }),
    };
  }
}
