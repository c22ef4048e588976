import { isLinkLocal } from "../../lib/address.ts";
import { ByteWriter } from "../../lib/bytes.ts";
import { Family } from "../../lib/family.ts";
import { DEFAULT_LOCAL_PREF } from "../../wire/attribute/local-pref.ts";
import { med } from "../../wire/attribute/med.ts";
import { internalOnly } from "../../wire/attribute/table.ts";
import { type AttributeTransform, writeAttributes } from "../../wire/message/attribute-writer.ts";
import { nlriSize, reachSize, UpdateWriter } from "../../wire/message/update-writer.ts";
import type { AttributeSets, NextHops } from "../export-ports.ts";
import type { GroupKey } from "../group-key.ts";
import {
  carries,
  LEARNED_MASK,
  Learned,
  MED_SET,
  NEXT_HOP_SET,
  Outcome,
  ownNextHop,
  takesOwnNextHop,
} from "../rules.ts";
import type { OutSets } from "./out-sets.ts";

/** Octets that we may add to a canonical set, prepended ASes and a second AS_PATH apart; generous. */
const GROWTH = 160;

type MpNextHop = { readonly words: readonly number[]; readonly linkLocal: null };

/**
 * From a number in `OutSets` to the bytes of messages, under the rules of one group key. Everything here is mechanical:
 * canonical bytes are copied with a few attributes left out, changed or added, nothing is decoded. Peers without 4-octet AS numbers get
 * AS_TRANS and AS4_PATH (RFC 6793 §4.2.2); nothing is longer than the group's largest message (RFC 8654 §4); of an IPv6 next hop the
 * global address alone is sent (RFC 2545 §3).
 */
export class Encoder {
  /** Messages back to back; whoever takes them clears it. */
  readonly out = new ByteWriter(1024);
  readonly writer: UpdateWriter;
  /** Attribute sets that were encoded to be sent: the work that is to be done once for all members. */
  encodedSets = 0;
  readonly #key: GroupKey;
  readonly #sets: AttributeSets;
  readonly #nextHops: NextHops;
  readonly #outSets: OutSets;
  readonly #attributes = new ByteWriter(256);
  readonly #ownNextHop: readonly number[] | null;
  readonly #transform: AttributeTransform;
  /** Towards external peers, for routes whose MED is ours to send: own ones, and where policy has set it. */
  readonly #withMed: AttributeTransform;
  #mpNextHop: MpNextHop | null = null;

  constructor(key: GroupKey, sets: AttributeSets, nextHops: NextHops, outSets: OutSets) {
    this.#key = key;
    this.#sets = sets;
    this.#nextHops = nextHops;
    this.#outSets = outSets;
    this.writer = new UpdateWriter(this.out, key.family, key.addPath > 0, key.maxMessage);
    this.#ownNextHop = ownNextHop(key);
    const external = key.peerKind === "external";
    const withMed: AttributeTransform = {
      fourOctetAs: key.fourOctetAs,
      prepend: external ? key.prependAs : [],
      stripConfederation: external,
      drop: external ? internalOnly : new Set(), // RFC 4271 §5.1.5, RFC 4456 §8
      localPref: external ? null : DEFAULT_LOCAL_PREF, // RFC 4271 §5.1.5: internal peers always get one
      clusterId: key.clusterId,
      nonTransitiveExtended: !external, // RFC 4360 §6
    };
    this.#withMed = withMed;
    // RFC 4271 §5.1.4: a MED that a neighboring AS sent is for us alone.
    this.#transform = external ? { ...withMed, drop: new Set([...withMed.drop, med.code]) } : withMed;
  }

  /** Opens an UPDATE for the set. Once `begin` was called for it, further messages cost a copy only. */
  begin(set: number): void {
    this.#attributes.clear();
    this.#write(set, this.#attributes);
    this.encodedSets++;
  }

  startReach(): void {
    this.writer.startReach(this.#attributes.bytes, 0, this.#attributes.length, this.#mpNextHop);
  }

  /** The next hop that is sent with the set; null if there's none that this session can carry. */
  nextHop(set: number): readonly number[] | null {
    if (this.takesOwnNextHop(set)) return this.#ownNextHop;
    const words = this.#wordsOf(set);
    return this.isOfOneLink(set, words) || !carries(this.#key, words.length) ? null : words;
  }

  /** Whether our own address goes out as the next hop of the set. */
  takesOwnNextHop(set: number): boolean {
    const traits = this.#outSets.traits[set]!;
    if (takesOwnNextHop(this.#key, traits)) return true;
    const words = this.#wordsOf(set);
    if (words.length === 0) return true;
    return (
      this.#key.peerKind === "internal" && (traits & LEARNED_MASK) === Learned.External && this.isOfOneLink(set, words)
    );
  }

  /**
   * A link-local next hop as it was learned means nothing on another link: an external neighbor's is hidden from internal peers
   * as with next-hop-self, others are not sent. What a policy has set is the operator's.
   */
  isOfOneLink(set: number, words = this.#wordsOf(set)): boolean {
    return isLinkLocal(words) && (this.#outSets.traits[set]! & NEXT_HOP_SET) === 0;
  }

  /** Empty without a next hop. */
  #wordsOf(set: number): readonly number[] {
    const id = this.#sets.nextHop[this.#outSets.attributes[set]!]!;
    return id === 0 ? [] : this.#nextHops.words(id);
  }

  /** The attribute section of the set as it is sent, as a fresh copy; MP_REACH_NLRI is not in it. */
  sectionOf(set: number): Uint8Array {
    const out = new ByteWriter(256);
    this.#write(set, out);
    return out.copy();
  }

  /** The same with the next hop in front: equal copies, equal messages. */
  copyOf(set: number): Uint8Array {
    const out = new ByteWriter(256);
    for (const word of this.nextHop(set) ?? []) out.u32(word);
    this.#write(set, out);
    return out.copy();
  }

  /** Whether the set can be sent at all: `Outcome.Sent`, or why not. Asked once per set. */
  judge(set: number): number {
    if (this.nextHop(set) === null) return Outcome.NoNextHop;
    return this.#fits(set) ? Outcome.Sent : Outcome.TooBig;
  }

  /** Octets of an UPDATE with this set and one prefix of the greatest length. */
  sizeOf(set: number): number {
    this.#attributes.clear();
    this.#write(set, this.#attributes);
    const { family, addPath } = this.#key;
    const nlri = nlriSize(family === Family.Ipv4Unicast ? 32 : 128, addPath > 0);
    return reachSize(this.#attributes.length, this.#mpNextHop, nlri);
  }

  #fits(set: number): boolean {
    const attributes = this.#outSets.attributes[set]!;
    const octets = this.#sets.end(attributes) - this.#sets.start(attributes);
    // With two-octet ASes the path may be there twice; 4 octets a prepended AS, each time.
    const most = (this.#key.fourOctetAs ? octets : 2 * octets) + GROWTH + 8 * this.#key.prependAs.length;
    return most <= this.#key.maxMessage || this.sizeOf(set) <= this.#key.maxMessage;
  }

  #write(set: number, out: ByteWriter): void {
    const outSets = this.#outSets;
    const sets = this.#sets;
    const attributes = outSets.attributes[set]!;
    const traits = outSets.traits[set]!;
    const keepsMed = (traits & MED_SET) !== 0 || (traits & LEARNED_MASK) === Learned.Own;
    const nextHop = this.nextHop(set);
    const plain = nextHop !== null && nextHop.length === 1;
    this.#mpNextHop = plain || nextHop === null ? null : { words: nextHop, linkLocal: null };
    writeAttributes(
      sets.chunk(attributes),
      sets.start(attributes),
      sets.end(attributes),
      keepsMed ? this.#withMed : this.#transform,
      plain ? nextHop[0]! : -1,
      outSets.originator[set]!,
      out,
    );
  }
}
