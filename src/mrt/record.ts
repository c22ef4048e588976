import type { Family } from "../lib/family.ts";
import type { PathAttributes } from "../wire/attribute/types.ts";

export type { PathAttributes };

/**
 * MRT (RFC 6396): what collectors write routes and messages down in. This room is pure: octets to meaning (`reader.ts`) and back
 * (`encode.ts`); whoever has a file or a socket hands octets in.
 */

/** RFC 6396 §4, and those of its appendix B.1 that hold BGP. */
export const MrtType = {
  Bgp: 5,
  Bgp4Plus: 9,
  Bgp4Plus01: 10,
  TableDump: 12,
  TableDumpV2: 13,
  Bgp4mp: 16,
  Bgp4mpEt: 17,
} as const;

/** RFC 6396 §4.3, RFC 8050 §4. */
export const TableDumpV2 = {
  PeerIndexTable: 1,
  RibIpv4Unicast: 2,
  RibIpv6Unicast: 4,
  RibGeneric: 6,
  RibIpv4UnicastAddPath: 8,
  RibIpv6UnicastAddPath: 10,
  RibGenericAddPath: 12,
} as const;

/** RFC 6396 §4.4 and appendix B.2.5, RFC 8050 §3. */
export const Bgp4mp = {
  StateChange: 0,
  Message: 1,
  Entry: 2,
  Snapshot: 3,
  MessageAs4: 4,
  StateChangeAs4: 5,
  MessageLocal: 6,
  MessageAs4Local: 7,
  MessageAddPath: 8,
  MessageAs4AddPath: 9,
  MessageLocalAddPath: 10,
  MessageAs4LocalAddPath: 11,
} as const;

/** Octets of the common header (RFC 6396 §2). */
export const MRT_HEADER = 12;

/** One record as cut from the file; `bytes[start..end)` is what follows its header. Only lent. */
export interface RawRecord {
  /** Where it begins in the (uncompressed) file. */
  readonly offset: number;
  readonly seconds: number;
  readonly type: number;
  readonly subtype: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Who told something, or was told. */
export interface MrtPeer {
  /** Text. */
  readonly address: string;
  readonly as: number;
}

export interface MrtPrefix {
  readonly family: Family;
  /** One word for IPv4, four for IPv6; bits behind `length` are zero. */
  readonly words: readonly number[];
  readonly length: number;
  /** Null without ADD-PATH. */
  readonly pathId: number | null;
}

/** One path of a prefix in a table. */
export interface MrtPath {
  readonly peer: MrtPeer;
  /** Seconds since 1970 at which it was learned. */
  readonly originatedAt: number;
  readonly pathId: number | null;
  readonly attributes: PathAttributes;
}

/** Which kind of record the contents came from, as `bgpdump -m` names it. */
export type MrtFormat = "TABLE_DUMP" | "TABLE_DUMP2" | "BGP4MP";

interface When {
  /** Seconds since 1970. */
  readonly seconds: number;
  /** 0 where the file has whole seconds only. */
  readonly microseconds: number;
}

/** A prefix of a table with its paths; of old files one path a record. */
export interface MrtRoute extends When {
  readonly kind: "route";
  readonly format: MrtFormat;
  readonly prefix: MrtPrefix;
  readonly paths: readonly MrtPath[];
}

/** An UPDATE. */
export interface MrtUpdate extends When {
  readonly kind: "update";
  readonly peer: MrtPeer;
  readonly local: MrtPeer | null;
  /** Whether it was sent to the peer, not received from it (RFC 6396 §4.4.5). */
  readonly sent: boolean;
  readonly withdrawn: readonly MrtPrefix[];
  /** Two at most: the fields of RFC 4271 and MP_REACH_NLRI have next hops of their own. */
  readonly announced: readonly { readonly prefixes: readonly MrtPrefix[]; readonly attributes: PathAttributes }[];
  readonly endOfRib: Family | null;
}

/** Any other message. */
export interface MrtMessage extends When {
  readonly kind: "message";
  readonly peer: MrtPeer;
  readonly local: MrtPeer | null;
  readonly sent: boolean;
  /** "OPEN", or "type 9" for one that has no name. */
  readonly name: string;
  /** What it says, in words. */
  readonly text: string;
}

export interface MrtStateChange extends When {
  readonly kind: "state";
  readonly peer: MrtPeer;
  readonly local: MrtPeer | null;
  /** 1 Idle to 6 Established (RFC 6396 §4.4.1); other numbers are passed on. */
  readonly before: number;
  readonly after: number;
}

/** The peers that the routes behind it were learned from (RFC 6396 §4.3.1). */
export interface MrtPeerIndex extends When {
  readonly kind: "peers";
  readonly collectorId: number;
  readonly viewName: string;
  readonly peers: readonly (MrtPeer & { readonly routerId: number })[];
}

/** Well-formed, but nothing that is shown here: another protocol, another address family. */
export interface MrtOther extends When {
  readonly kind: "other";
  /** "OSPFv2", "routes of AFI 1, SAFI 128". */
  readonly what: string;
}

export type MrtItem = MrtRoute | MrtUpdate | MrtMessage | MrtStateChange | MrtPeerIndex | MrtOther;

/** What is wrong with a file, and where. */
export interface MrtFault {
  /** Octet from the beginning of the (uncompressed) file. */
  readonly offset: number;
  /** What was wanted and found. */
  readonly text: string;
}

/** A record that doesn't say what it should: the next one is read all the same. */
export class MrtError extends Error {
  readonly at: number | null;

  /** `at`: place in the record's bytes, where it is known better than "in this record". */
  constructor(text: string, at: number | null = null) {
    super(text);
    this.at = at;
  }
}

const stateNames = ["", "Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"];

/** "Idle"; a number for what RFC 6396 §4.4.1 has no name for. */
export const stateName = (state: number): string => stateNames[state] || String(state);

/** RFC 6396 §4.4.1; 0 for what is no state's name. */
export const stateNumber = (name: string): number => Math.max(0, stateNames.indexOf(name));
