/**
 * Read-only answers about a running speaker: the one thing that the edges (control socket, metrics, lab) may ask. Nothing is
 * kept here; each answer is made from the speaker's tables when it is asked for, long ones in slices.
 */
import { type FamilyName, families, familyName } from "../lib/family.ts";
import type { SpeakerState } from "../speaker/speaker-state.ts";
import { advertisedSlices } from "./advertised.ts";
import { announcedSlices } from "./announced.ts";
import { bfdRows } from "./bfd.ts";
import { clashSlices } from "./clashes.ts";
import { explain } from "./explain.ts";
import { fibRow } from "./fib-row.ts";
import type {
  AnnouncedRow,
  BfdRow,
  Clash,
  Explanation,
  FibRow,
  NeighborDetail,
  NeighborSummary,
  Readiness,
  Summary,
  TunnelRow,
} from "./model.ts";
import { neighborDetail, neighborSummary, peerSlices } from "./neighbors.ts";
import { readinessOf } from "./readiness.ts";
import { receivedSlices, routeSlices } from "./routes.ts";
import type { PrefixQuestion, RoutePiece, RouteQuery, Slices, SpeakerView } from "./view-port.ts";

/** Rows of the FIB in one slice. */
const FIB_SLICE = 256;

export class LiveView implements SpeakerView {
  readonly #speaker: SpeakerState;
  readonly #version: string;

  constructor(speaker: SpeakerState, version: string) {
    this.#speaker = speaker;
    this.#version = version;
  }

  router(): Summary["router"] {
    const speaker = this.#speaker;
    const { router } = speaker.config;
    const routes = Object.fromEntries(
      families.map((family) => [familyName(family), speaker.tables.byFamily[family]!.bestCount]),
    ) as Record<FamilyName, number>;
    return {
      as: router.as,
      routerId: router.routerId,
      clusterId: router.clusterId,
      version: this.#version,
      uptimeSeconds: Math.floor((speaker.clock.now() - speaker.startedAt) / 1000),
      routes,
      tableVersion: speaker.tables.byFamily.reduce((total, table) => total + table.version, 0),
      waiting: families.map((family) => speaker.restart.explain(family)).find((text) => text !== null) ?? null,
      readiness: readinessOf(speaker),
    };
  }

  readiness(): Readiness {
    return readinessOf(this.#speaker);
  }

  summarySlices(): Generator<NeighborSummary[]> {
    return peerSlices(this.#speaker, (peer) => neighborSummary(this.#speaker, peer));
  }

  neighborSlices(address?: string): Slices<NeighborDetail> {
    const speaker = this.#speaker;
    if (address === undefined) return peerSlices(speaker, (peer) => neighborDetail(speaker, peer));
    const peer = speaker.peers.get(address);
    return peer === undefined ? [] : [[neighborDetail(speaker, peer)]];
  }

  routes(query: RouteQuery): Slices<RoutePiece> {
    return routeSlices(this.#speaker, query);
  }

  received(address: string, query: RouteQuery): Slices<RoutePiece> | undefined {
    const peer = this.#speaker.peers.get(address);
    return peer && receivedSlices(this.#speaker, peer, query);
  }

  advertised(address: string, query: RouteQuery): Slices<RoutePiece> | undefined {
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

  announced(): Slices<AnnouncedRow> {
    return announcedSlices(this.#speaker);
  }

  bfd(address?: string): BfdRow[] {
    return bfdRows(this.#speaker, address);
  }

  tunnels(): TunnelRow[] {
    return this.#speaker.kernel.tunnelStates();
  }

  clashes(): Slices<Clash> {
    return clashSlices(this.#speaker);
  }

  explainSlices(question: PrefixQuestion): Generator<undefined, Explanation> {
    return explain(this.#speaker, question);
  }
}
