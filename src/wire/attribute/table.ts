import { aggregator } from "./aggregator.ts";
import { asPath } from "./as-path.ts";
import { as4Aggregator, as4Path } from "./as4.ts";
import { atomicAggregate } from "./atomic-aggregate.ts";
import { clusterList } from "./cluster-list.ts";
import { communities } from "./communities.ts";
import { extendedCommunities } from "./extended-communities.ts";
import { largeCommunities } from "./large-communities.ts";
import { localPref } from "./local-pref.ts";
import { med } from "./med.ts";
import { mpReach, mpUnreach } from "./mp.ts";
import { nextHop } from "./next-hop.ts";
import { onlyToCustomer } from "./only-to-customer.ts";
import { origin } from "./origin.ts";
import { originatorId } from "./originator-id.ts";
import type { AttributeCodec, AttributeRules } from "./row.ts";

/** The attributes that have a value of their own (RFC 4271 §5.1 and others), by code; the order of the canonical form. */
export const codecs: readonly AttributeCodec[] = [
  origin,
  asPath,
  nextHop,
  med,
  localPref,
  atomicAggregate,
  aggregator,
  communities,
  originatorId,
  clusterList,
  extendedCommunities,
  as4Path,
  as4Aggregator,
  largeCommunities,
  onlyToCustomer,
] as unknown as readonly AttributeCodec[];

/** Every attribute that we implement, by code: what a reader of the RFCs looks up. */
export const attributeTable: readonly AttributeRules[] = [...codecs, mpReach, mpUnreach].toSorted(
  (a, b) => a.code - b.code,
);

const byCode: (AttributeCodec | undefined)[] = new Array(256).fill(undefined);
for (const codec of codecs) byCode[codec.code] = codec;

/** Undefined for what is opaque to us, and for the MP attributes, which the scan reads. */
export const codecOf = (code: number): AttributeCodec | undefined => byCode[code];

const known = new Uint8Array(256);
for (const { code } of attributeTable) known[code] = 1;

/** Whether we implement it; others are passed on or dropped as they are (RFC 4271 §5). */
export const isKnown = (code: number): boolean => known[code] === 1;

/** Attributes that have no meaning outside the AS: not taken from external peers, and not sent to them. */
export const internalOnly: ReadonlySet<number> = new Set(
  codecs.filter(({ acceptFrom }) => acceptFrom === "internal").map(({ code }) => code),
);
