/**
 * Read-only answers about a running speaker: the one thing that the edges (control socket, metrics, lab) may ask. Nothing is
 * kept here; each answer is made from the speaker's tables when it is asked for, long ones in slices.
 */
import { type FamilyName, families, familyName } from "../lib/family.ts";
import type { SpeakerState } from "../speaker/speaker-state.ts";
import { advertisedSlices } from "./advertised.ts";
import { clashSlices } from "./clashes.ts";
import { explain } from "./explain.ts";
import { fibRow } from "./fib-row.ts";
import type { Clash, Explanation, FibRow, NeighborDetail, Readiness, RouteRow, Summary, TunnelRow } from "./model.ts";
import { neighborDetail, neighborSummary, peersInOrder } from "./neighbors.ts";
import { readinessOf } from "./readiness.ts";
import { receivedSlices, routeSlices } from "./routes.ts";
import type { PrefixQuestion, RouteQuery, Slices, SpeakerView } from "./view-port.ts";

/** Rows of the FIB in one slice. */
const FIB_SLICE = 512;

export class LiveView implements SpeakerView {
  readonly #speaker: SpeakerState;
  readonly #version: string;

  constructor(speaker: SpeakerState, version: string) {
    this.#speaker = speaker;
    this.#version = version;
  }

  summary(): Summary {
    const speaker = this.#speaker;
    const { router } = speaker.config;
    const routes = Object.fromEntries(
      families.map((family) => [familyName(family), speaker.tables.byFamily[family]!.bestCount]),
    ) as Record<FamilyName, number>;
    return {
      router: {
        as: router.as,
        routerId: router.routerId,
        clusterId: router.clusterId,
        version: this.#version,
        uptimeSeconds: Math.floor((speaker.clock.now() - speaker.startedAt) / 1000),
        routes,
        tableVersion: speaker.tables.byFamily.reduce((total, table) => total + table.version, 0),
        waiting: families.map((family) => speaker.restart.explain(family)).find((text) => text !== null) ?? null,
        readiness: readinessOf(speaker),
      },
      neighbors: peersInOrder(speaker).map((peer) => neighborSummary(speaker, peer)),
    };
  }

  readiness(): Readiness {
    return readinessOf(this.#speaker);
  }

  neighbors(address?: string): NeighborDetail[] {
    const speaker = this.#speaker;
    const peers = address === undefined ? peersInOrder(speaker) : [speaker.peers.get(address)];
    return peers.flatMap((peer) => (peer === undefined ? [] : [neighborDetail(speaker, peer)]));
  }

  routes(query: RouteQuery): Slices<RouteRow> {
    return routeSlices(this.#speaker, query);
  }

  received(address: string, query: RouteQuery): Slices<RouteRow> | undefined {
    const peer = this.#speaker.peers.get(address);
    return peer && receivedSlices(this.#speaker, peer, query);
  }

  advertised(address: string, query: RouteQuery): Slices<RouteRow> | undefined {
    const peer = this.#speaker.peers.get(address);
    return peer && advertisedSlices(this.#speaker, peer, query);
  }

  *fib(): Generator<FibRow[]> {
    let slice: FibRow[] = [];
    const { fib } = this.#speaker.kernel;
    for (const row of fib.rows()) {
      slice.push(fibRow(row, fib.writerTrouble));
      if (slice.length < FIB_SLICE) continue;
      yield slice;
      slice = [];
    }
    yield slice;
  }

  tunnels(): TunnelRow[] {
    return this.#speaker.kernel.tunnelStates();
  }

  clashes(): Slices<Clash> {
    return clashSlices(this.#speaker);
  }

  explain(question: PrefixQuestion): Explanation {
    return explain(this.#speaker, question);
  }
}
