import type { Family } from "../lib/family.ts";
import type { AttributeFault } from "../wire/attribute/fault.ts";
import type { CodecContext } from "../wire/context.ts";
import { isEndOfRib, scanUpdate } from "../wire/message/update.ts";
import { updateLayout } from "../wire/message/update-layout.ts";
import { type NlriSink, walkNlri } from "../wire/nlri/walk.ts";
import type { AttributeStore } from "./attribute-store.ts";
import type { RouteTable } from "./route-table.ts";

/** The session that UPDATEs are read for. */
export interface Inbound {
  readonly codec: CodecContext;
  /** The attribute store's id of `codec`. */
  readonly context: number;
  /** The source id under which its routes stand. */
  readonly source: number;
}

/** What reading an UPDATE brings to light besides routes. */
export interface UpdateFindings {
  /** Faults that cost routes or attributes, not the session (RFC 7606). `bytes` are the UPDATE's body, only lent. */
  faults(faults: readonly AttributeFault[], bytes: Uint8Array): void;
  endOfRib(family: Family): void;
}

/** From the bytes of an UPDATE into Adj-RIB-In. One object serves all sessions: it keeps nothing between two messages. */
export class UpdateReader implements NlriSink {
  readonly #store: AttributeStore;
  readonly #tables: readonly RouteTable[];
  readonly #layout = updateLayout();
  #table: RouteTable;
  #source = 0;
  /** The attribute set to announce; 0 or less withdraws. */
  #set = 0;

  constructor(store: AttributeStore, tables: readonly RouteTable[]) {
    this.#store = store;
    this.#tables = tables;
    this.#table = tables[0]!;
  }

  /** @throws NotificationError if the UPDATE ends the session. */
  read(session: Inbound, bytes: Uint8Array, start: number, end: number, findings: UpdateFindings): void {
    const layout = this.#layout;
    const { codec } = session;
    scanUpdate(bytes, start, end, codec, layout);
    this.#source = session.source;
    const announces4 = layout.nlriEnd > layout.nlriStart;
    const announces = layout.reachFamily >= 0;
    // Withdrawals first: a prefix that is in both fields is announced (RFC 4271 §4.3).
    this.#set = 0;
    if (layout.withdrawnEnd > layout.withdrawnStart)
      this.#walk(0, bytes, layout.withdrawnStart, layout.withdrawnEnd, codec);
    if (layout.unreachFamily >= 0)
      this.#walk(layout.unreachFamily as Family, bytes, layout.unreachNlriStart, layout.unreachNlriEnd, codec);
    if (announces4) {
      this.#set = this.#resolve(session, bytes, start, end, "ipv4-nlri", findings);
      this.#walk(0, bytes, layout.nlriStart, layout.nlriEnd, codec);
    }
    if (announces) {
      this.#set = this.#resolve(session, bytes, start, end, "mp-reach", findings);
      this.#walk(layout.reachFamily as Family, bytes, layout.reachNlriStart, layout.reachNlriEnd, codec);
    }
    if (announces || announces4) return;
    if (layout.error !== null) findings.faults([layout.error], bytes.subarray(start, end));
    const family = isEndOfRib(layout);
    if (family >= 0) findings.endOfRib(family as Family);
  }

  #resolve(
    session: Inbound,
    bytes: Uint8Array,
    start: number,
    end: number,
    reach: "ipv4-nlri" | "mp-reach",
    findings: UpdateFindings,
  ): number {
    const set = this.#store.resolve(session.context, bytes, this.#layout, reach);
    const faults = this.#store.lastFaults();
    if (faults.length > 0) findings.faults(faults, bytes.subarray(start, end));
    return set;
  }

  #walk(family: Family, bytes: Uint8Array, start: number, end: number, codec: CodecContext): void {
    this.#table = this.#tables[family]!;
    walkNlri(family, bytes, start, end, codec.addPathReceive[family]!, this);
  }

  nlri4(address: number, length: number, pathId: number): void {
    if (this.#set > 0) this.#table.announce4(this.#source, address, length, pathId, this.#set);
    else this.#table.withdraw4(this.#source, address, length, pathId);
  }

  nlri6(w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): void {
    if (this.#set > 0) this.#table.announce6(this.#source, w0, w1, w2, w3, length, pathId, this.#set);
    else this.#table.withdraw6(this.#source, w0, w1, w2, w3, length, pathId);
  }
}
