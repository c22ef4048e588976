import { formatAddress } from "../lib/address.ts";
import { type Family, familyName } from "../lib/family.ts";
import type { RoleName } from "../wire/capability/role.ts";

/**
 * Everything that changes the bytes a peer is sent, in one place. Peers with equal keys are one update group and get the same
 * bytes, except that nobody is sent its own routes.
 */
export interface GroupKey {
  readonly family: Family;
  readonly peerKind: "internal" | "external";
  /** AS numbers in front of AS_PATH towards external peers, leftmost first: ours, or `local-as` and ours. */
  readonly prependAs: readonly number[];
  /** The peer is a client of ours (RFC 4456). */
  readonly client: boolean;
  /** Prepended to CLUSTER_LIST when reflecting. */
  readonly clusterId: number;
  /** RFC 6793: false means AS_TRANS and AS4_PATH. */
  readonly fourOctetAs: boolean;
  /** RFC 7911: 0 is off, otherwise how many paths per prefix at most; `Infinity` for all. */
  readonly addPath: number;
  /** RFC 8950: IPv4 NLRI may have an IPv6 next hop. */
  readonly extendedNextHop: boolean;
  /** RFC 8654: 4096 or 65535. */
  readonly maxMessage: number;
  /** RFC 9494: whether the peer understands LLGR_STALE; if not, stale routes are withheld or marked (§4.6). */
  readonly longLived: "yes" | "withhold" | "no-export";
  /** internal: "self" for what external peers announced, "force-self" for reflected routes too. external: anything but "unchanged" is self. */
  readonly nextHop: "unchanged" | "self" | "force-self";
  /** Our address on this session's interface; null if there's none of that family. */
  readonly self4: number | null;
  readonly self6: readonly number[] | null;
  /** Our role towards an external peer (RFC 9234 §3.1); null: OTC is carried untouched. */
  readonly role: RoleName | null;
  /** Names what the policy port does: another text, another policy. */
  readonly exportPolicy: string;
  /** Not the bytes, but their time: the owner flushes the group at this interval. */
  readonly advertisementIntervalSeconds: number;
}

/** A key as text: equal keys, equal texts. */
export const keyText = (key: GroupKey): string =>
  [
    familyName(key.family),
    key.peerKind,
    key.prependAs.join("+"),
    key.client ? `client of ${key.clusterId}` : "",
    key.peerKind === "internal" ? `cluster ${key.clusterId}` : "",
    key.fourOctetAs ? "as4" : "as2",
    `paths ${key.addPath}`,
    key.extendedNextHop ? "enh" : "",
    key.maxMessage,
    `llgr ${key.longLived}`,
    key.nextHop,
    key.self4 === null ? "" : formatAddress([key.self4]),
    key.self6 === null ? "" : formatAddress(key.self6),
    key.role ?? "",
    key.exportPolicy,
    key.advertisementIntervalSeconds,
  ].join("|");
