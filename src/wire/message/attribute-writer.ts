import { AS_TRANS } from "../../lib/as-numbers.ts";
import type { ByteWriter } from "../../lib/bytes.ts";
import { aggregator } from "../attribute/aggregator.ts";
import { asPath } from "../attribute/as-path.ts";
import { as4Aggregator, as4Path } from "../attribute/as4.ts";
import { clusterList } from "../attribute/cluster-list.ts";
import { extendedCommunities } from "../attribute/extended-communities.ts";
import { closeAttribute, codeAt, endAt, Flag, openAttribute, valueAt } from "../attribute/header.ts";
import { localPref } from "../attribute/local-pref.ts";
import { nextHop as nextHopRow } from "../attribute/next-hop.ts";
import { originatorId as originatorIdRow } from "../attribute/originator-id.ts";
import { SegmentType } from "../attribute/types.ts";

/**
 * From the canonical bytes of a set to the bytes of an UPDATE, in one pass and without decoding: most attributes are copied,
 * a few are left out, changed or put in between. Runs once per set and update group, whatever the number of routes and peers.
 */

const { code: AS_PATH } = asPath;
const { code: NEXT_HOP } = nextHopRow;
const { code: LOCAL_PREF } = localPref;
const { code: AGGREGATOR } = aggregator;
const { code: ORIGINATOR_ID } = originatorIdRow;
const { code: CLUSTER_LIST } = clusterList;
const { code: EXTENDED_COMMUNITIES } = extendedCommunities;
const { code: AS4_PATH } = as4Path;
const { code: AS4_AGGREGATOR } = as4Aggregator;
const OPTIONAL_TRANSITIVE = Flag.OPTIONAL | Flag.TRANSITIVE;

/** How an update group changes a canonical attribute set on its way out. One object per group, reused for every set. */
export interface AttributeTransform {
  /** False: AS numbers shrink to two octets, AS4_PATH and AS4_AGGREGATOR are added where that loses something (RFC 6793 §4.2.2). */
  readonly fourOctetAs: boolean;
  /** ASes put before the AS_PATH, the leftmost first; empty towards internal peers. At most 255. */
  readonly prepend: readonly number[];
  /** Confederation segments are left out, as towards external peers (RFC 5065 §4). */
  readonly stripConfederation: boolean;
  /** Codes that are not copied: LOCAL_PREF, MED and the reflector's towards external peers. */
  readonly drop: ReadonlySet<number>;
  /** Written if the set has no LOCAL_PREF; null: never. */
  readonly localPref: number | null;
  /** Prepended to CLUSTER_LIST when the route is reflected (RFC 4456 §8). */
  readonly clusterId: number;
  /** False: extended communities that are not transitive over ASes are left out (RFC 4360 §6). */
  readonly nonTransitiveExtended: boolean;
}

/** Copies a set as it is: the identity of the transforms. */
export const plainTransform: AttributeTransform = {
  fourOctetAs: true,
  prepend: [],
  stripConfederation: false,
  drop: new Set(),
  localPref: null,
  clusterId: 0,
  nonTransitiveExtended: true,
};

/**
 * Copies the canonical set `bytes[start..end)` to `out` as the transform says. Attributes come out sorted by code.
 * @param nextHop IPv4 next hop for the NEXT_HOP attribute, or -1 when it goes into MP_REACH_NLRI.
 * @param originatorId 0: not reflected; else ORIGINATOR_ID if the set has none yet, and CLUSTER_LIST grows.
 */
export function writeAttributes(
  bytes: Uint8Array,
  start: number,
  end: number,
  transform: AttributeTransform,
  nextHop: number,
  originatorId: number,
  out: ByteWriter,
): void {
  // What is inserted waits for its place in the order of codes; a code that has been passed is not inserted again.
  let nextHopDue = nextHop >= 0;
  let localPrefDue = transform.localPref !== null;
  let originatorDue = originatorId !== 0;
  let clusterDue = originatorId !== 0;
  let as4PathFrom = -1;
  let as4PathTo = -1;
  let aggregatorFrom = -1;
  for (let at = start; ; ) {
    const code = at < end ? codeAt(bytes, at) : 256;
    if (nextHopDue && code > NEXT_HOP) {
      writeWord(out, Flag.TRANSITIVE, NEXT_HOP, nextHop);
      nextHopDue = false;
    }
    if (localPrefDue && code >= LOCAL_PREF) {
      if (code > LOCAL_PREF) writeWord(out, Flag.TRANSITIVE, LOCAL_PREF, transform.localPref!);
      localPrefDue = false;
    }
    if (originatorDue && code >= ORIGINATOR_ID) {
      if (code > ORIGINATOR_ID) writeWord(out, Flag.OPTIONAL, ORIGINATOR_ID, originatorId);
      originatorDue = false;
    }
    if (clusterDue && code > CLUSTER_LIST) {
      writeWord(out, Flag.OPTIONAL, CLUSTER_LIST, transform.clusterId);
      clusterDue = false;
    }
    if (as4PathFrom >= 0 && code > AS4_PATH) {
      writePath(bytes, as4PathFrom, as4PathTo, OPTIONAL_TRANSITIVE, AS4_PATH, 4, true, transform.prepend, out);
      as4PathFrom = -1;
    }
    if (aggregatorFrom >= 0 && code > AS4_AGGREGATOR) {
      out.u8(OPTIONAL_TRANSITIVE);
      out.u8(AS4_AGGREGATOR);
      out.u8(8);
      out.raw(bytes, aggregatorFrom, aggregatorFrom + 8);
      aggregatorFrom = -1;
    }
    if (at >= end) return;
    const flags = bytes[at]!;
    const from = valueAt(bytes, at);
    const to = endAt(bytes, at, from);
    if (transform.drop.has(code)) {
      at = to;
      continue;
    }
    if (code === AS_PATH && (!transform.fourOctetAs || transform.prepend.length > 0 || transform.stripConfederation)) {
      const { prepend, fourOctetAs, stripConfederation } = transform;
      writePath(bytes, from, to, flags, AS_PATH, fourOctetAs ? 4 : 2, stripConfederation, prepend, out);
      if (!fourOctetAs && (needsFourOctets(bytes, from, to) || prepend.some((as) => as > 0xffff))) {
        as4PathFrom = from;
        as4PathTo = to;
      }
    } else if (code === AGGREGATOR && !transform.fourOctetAs) {
      if (writeAggregator(bytes, from, flags, out)) aggregatorFrom = from;
    } else if (code === CLUSTER_LIST && clusterDue) {
      const begin = openAttribute(out, flags, code);
      out.u32(transform.clusterId);
      out.raw(bytes, from, to);
      closeAttribute(out, begin);
      clusterDue = false;
    } else if (code === EXTENDED_COMMUNITIES && !transform.nonTransitiveExtended) {
      writeTransitive(bytes, from, to, flags, out);
    } else {
      out.raw(bytes, at, to);
    }
    at = to;
  }
}

function writeWord(out: ByteWriter, flags: number, code: number, value: number): void {
  out.u8(flags);
  out.u8(code);
  out.u8(4);
  out.u32(value);
}

/** Writes the ASes of `prepend`, then the segments of 4-octet ASes at `from`, in `width` octets each. */
function writePath(
  bytes: Uint8Array,
  from: number,
  to: number,
  flags: number,
  code: number,
  width: 2 | 4,
  stripConfederation: boolean,
  prepend: readonly number[],
  out: ByteWriter,
): void {
  const begin = openAttribute(out, flags, code);
  let at = from;
  if (stripConfederation) at = skipConfederation(bytes, at, to);
  if (prepend.length > 0) {
    // RFC 4271 §5.1.2 b: into the first sequence while its count has room, else before it as a new one.
    const joins = at < to && bytes[at] === SegmentType.Sequence && bytes[at + 1]! + prepend.length <= 255;
    out.u8(SegmentType.Sequence);
    out.u8(prepend.length + (joins ? bytes[at + 1]! : 0));
    for (const as of prepend) writeAs(out, as, width);
    if (joins) at = copyAses(bytes, at, width, out);
  }
  while (at < to) {
    if (stripConfederation && isConfederation(bytes[at]!)) {
      at = skipConfederation(bytes, at, to);
      continue;
    }
    out.u8(bytes[at]!);
    out.u8(bytes[at + 1]!);
    at = copyAses(bytes, at, width, out);
  }
  closeAttribute(out, begin);
}

const isConfederation = (type: number): boolean =>
  type === SegmentType.ConfedSequence || type === SegmentType.ConfedSet;

function skipConfederation(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && isConfederation(bytes[at]!)) at += 2 + bytes[at + 1]! * 4;
  return at;
}

/** Copies the AS numbers of the segment at `at`, in `width` octets each; returns where the next segment is. */
function copyAses(bytes: Uint8Array, at: number, width: 2 | 4, out: ByteWriter): number {
  const end = at + 2 + bytes[at + 1]! * 4;
  if (width === 4) out.raw(bytes, at + 2, end);
  else
    for (let from = at + 2; from < end; from += 4)
      if ((bytes[from]! | bytes[from + 1]!) !== 0) out.u16(AS_TRANS);
      else out.raw(bytes, from + 2, from + 4);
  return end;
}

function writeAs(out: ByteWriter, as: number, width: 2 | 4): void {
  if (width === 4) out.u32(as);
  else out.u16(as > 0xffff ? AS_TRANS : as);
}

/** Whether an AS outside confederation segments needs more than two octets: only then is AS4_PATH sent (RFC 6793 §4.2.2). */
function needsFourOctets(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; ) {
    const end = at + 2 + bytes[at + 1]! * 4;
    if (!isConfederation(bytes[at]!))
      for (let as = at + 2; as < end; as += 4) if ((bytes[as]! | bytes[as + 1]!) !== 0) return true;
    at = end;
  }
  return false;
}

/** AGGREGATOR with two octets; returns whether AS4_AGGREGATOR has to say the rest. */
function writeAggregator(bytes: Uint8Array, from: number, flags: number, out: ByteWriter): boolean {
  const wide = (bytes[from]! | bytes[from + 1]!) !== 0;
  out.u8(flags);
  out.u8(AGGREGATOR);
  out.u8(6);
  if (wide) out.u16(AS_TRANS);
  else out.raw(bytes, from + 2, from + 4);
  out.raw(bytes, from + 4, from + 8);
  return wide;
}

/** The extended communities that may leave the AS; no attribute at all if none may. */
function writeTransitive(bytes: Uint8Array, from: number, to: number, flags: number, out: ByteWriter): void {
  const begin = openAttribute(out, flags, EXTENDED_COMMUNITIES);
  for (let at = from; at < to; at += 8) if ((bytes[at]! & 0x40) === 0) out.raw(bytes, at, at + 8);
  if (out.length === begin + 3) out.length = begin;
  else closeAttribute(out, begin);
}
