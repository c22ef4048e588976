import type { Family } from "../lib/family.ts";
import type {
  AdminReport,
  AnnouncedRow,
  BfdRow,
  ChangeReport,
  Clash,
  DrainReport,
  Explanation,
  FibRow,
  NeighborDetail,
  NeighborSummary,
  Readiness,
  RouteRow,
  Summary,
  TunnelRow,
} from "./model.ts";

/**
 * What the edges may ask a running speaker, and what they may tell it. Reading changes nothing and never holds a
 * session up: long answers come in slices, each a bounded piece of work, and the reader decides when to go on.
 */
export interface SpeakerView {
  /** What `summary` says of the router itself. */
  router(): Summary["router"];
  readiness(): Readiness;
  /** The row of `summary` of each neighbor, by address. */
  summarySlices(): Slices<NeighborSummary>;
  /** All neighbors by address, or the one with that address; empty if there's none. */
  neighborSlices(address?: string): Slices<NeighborDetail>;
  /** Loc-RIB with all candidate paths. */
  routes(query: RouteQuery): Slices<RoutePiece>;
  /** Adj-RIB-In, rejected routes too; undefined if no such neighbor exists. */
  received(address: string, query: RouteQuery): Slices<RoutePiece> | undefined;
  /** Adj-RIB-Out; undefined if no such neighbor exists. */
  advertised(address: string, query: RouteQuery): Slices<RoutePiece> | undefined;
  fib(): Slices<FibRow>;
  /** What we originate. */
  announced(): Slices<AnnouncedRow>;
  /** BFD sessions, or that of one neighbor. */
  bfd(address?: string): BfdRow[];
  tunnels(): TunnelRow[];
  /** What two routers can't both be right about: a walk of all tables, the rows at its end. */
  clashes(): Slices<Clash>;
  /** Made in slices of bounded work, too: whoever runs it decides when to go on. */
  explainSlices(question: PrefixQuestion): Generator<undefined, Explanation>;
}

/**
 * Rows in slices of bounded work; a slice may be empty (a walk that found nothing yet). The tables may change between
 * two slices: a row is right at its own time. Each row comes at most once.
 */
export type Slices<T> = Iterable<readonly T[]>;

/** A row, or a piece of one with very many paths: `more` says that the next piece has more of its paths. */
export type RoutePiece = RouteRow & { readonly more?: true };

export interface RouteQuery {
  /** Only this prefix; with `longer` also those inside it. */
  readonly prefix?: PrefixQuestion;
  readonly longer?: boolean;
  readonly family?: Family;
  /** Only paths from this peer (or "self"); prefixes without one are left out. */
  readonly from?: string;
}

/** A prefix, or an address, which stands for the longest prefix that holds it. */
export interface PrefixQuestion {
  readonly text: string;
  readonly family: Family;
  readonly words: readonly number[];
  readonly length: number;
  readonly isAddress: boolean;
}

export type AdminAction = "disable" | "enable" | "drain";
export type AdminTarget = { readonly address: string } | { readonly group: string };

/** Things that an operator may tell the speaker. A `ControlError` carries the sentence for the operator. */
export interface SpeakerControl {
  /** @throws ControlError if no such neighbor exists. */
  reset(address: string, soft: "in" | "out" | null): void;
  /** Reads the config file again; a bad one changes nothing. @throws ControlError */
  reload(): Promise<ChangeReport>;
  /** What a config would change that is sent as JSON, with all files that it names. @throws ControlError */
  diff(sent: Uint8Array): Promise<ChangeReport>;
  /** Announces routes at run time, all of them or none: `{"routes": [{"prefix", ...}]}`. @throws ControlError */
  announce(body: Uint8Array): Promise<{ announced: number }>;
  /** Takes back what was announced so. @throws ControlError */
  withdraw(body: Uint8Array): Promise<{ withdrawn: number }>;
  /** Writes the tables into an MRT file and returns its name. @throws ControlError */
  dumpTables(): Promise<string>;
  /** Shuts one neighbor or a group down, lets it come back, or turns others away from what we tell it. @throws ControlError */
  administer(action: AdminAction, target: AdminTarget, text: string): AdminReport;
  /** Leaves for good: see "Stopping and coming back". The daemon ends afterwards. */
  drain(waitSeconds: number): Promise<DrainReport>;
}

/** A request that can't be met, in a sentence, or (a bad config) in several. */
export class ControlError extends Error {
  /** `not-found`: the thing named doesn't exist; `bad-config`: the file has faults; `bad-request`: it isn't one; `failed`: anything else. */
  readonly kind: "not-found" | "bad-config" | "bad-request" | "failed";
  /** Each fault of a bad config with its place, FILE:LINE:COL. */
  readonly faults: readonly { readonly message: string; readonly place: string }[];

  constructor(
    kind: ControlError["kind"],
    message: string,
    faults: readonly { readonly message: string; readonly place: string }[] = [],
  ) {
    super(message);
    this.kind = kind;
    this.faults = faults;
  }
}
