import { Memo } from "../lib/columns/memo.ts";
import { Community } from "../lib/communities.ts";
import type { Family } from "../lib/family.ts";
import type { PolicySource } from "../policy/definition.ts";
import { AttributeFlag } from "../rib/attribute-columns.ts";
import type { AttributeStore } from "../rib/attribute-store.ts";
import type { Rib } from "../rib/rib.ts";
import type { ImportPort } from "../rib/rib-ports.ts";
import type { RouteTable } from "../rib/route-table.ts";
import { LOCAL_SOURCE, type SourceTable } from "../rib/source-table.ts";
import { withCommunity } from "../wire/attribute/communities.ts";
import type { Peer } from "./peer.ts";

const ownSource: PolicySource = { address: [], peerGroup: null, learnedFrom: "own", interface: null, blocks: [] };

/** The RIB of one speaker, and which of its sources is which peer: so it can ask a peer's import pipeline. */
export class Tables implements ImportPort {
  readonly rib: Rib;
  readonly #peers: (Peer | undefined)[] = [];
  readonly #policySources: (PolicySource | undefined)[] = [];
  /** By set: the same with LLGR_STALE. */
  readonly #marked = new Memo();
  /** By set: the same with LOCAL_PREF 0. */
  readonly #lastResorts = new Memo();

  constructor(rib: Rib) {
    this.rib = rib;
    rib.setImportPort(this);
  }

  get store(): AttributeStore {
    return this.rib.attributes;
  }

  get sources(): SourceTable {
    return this.rib.sources;
  }

  /** Indexed by family. */
  get byFamily(): readonly RouteTable[] {
    return this.rib.tables;
  }

  /** Says which peer a source is. */
  bind(source: number, peer: Peer): void {
    this.#peers[source] = peer;
    this.#policySources[source] = peer.policySource;
  }

  /** All paths of a source go, in slices, and with the last of them its id. */
  purge(source: number): void {
    this.rib.purge(source, () => {
      this.#peers[source] = undefined;
      this.#policySources[source] = undefined;
    });
  }

  /** All routes of a source are judged again, in slices: its policy has changed. */
  reevaluate(source: number): void {
    for (const table of this.byFamily) table.reevaluate(source);
  }

  /** The peer of a source, also while its routes are stale; undefined for own routes and for what is being purged. */
  peerOf(source: number): Peer | undefined {
    const peer = this.#peers[source];
    return peer?.source === source ? peer : undefined;
  }

  policySource(source: number): PolicySource {
    return this.#peers[source]?.policySource ?? this.#policySources[source] ?? ownSource;
  }

  /** The import port of the route tables. */
  evaluate(family: Family, prefixId: number, source: number, received: number, stale: boolean): number {
    if (source === LOCAL_SOURCE) return received;
    const peer = this.#peers[source];
    if (peer?.pipeline == null) return 0;
    const { prefixes } = this.byFamily[family]!;
    const effective = peer.pipeline.evaluate(received, peer.policySource, prefixes, prefixId);
    if (!stale) return effective;
    const kept = peer.cutOff ? this.#lastResort(effective) : effective;
    return peer.longLived[family] ? this.#longLived(received, kept) : kept;
  }

  /** For us and for those whom we tell: any other path is better. */
  #lastResort(effective: number): number {
    const { store } = this;
    if (effective <= 0) return effective;
    const known = this.#lastResorts.get(store, effective);
    if (known > 0) return known;
    const last = store.intern({ ...store.view(effective), localPref: 0 }, store.nextHop[effective]!);
    this.#lastResorts.putSet(store, effective, last);
    return last;
  }

  /** RFC 9494 §4.2: what its owner doesn't want kept for long is removed, the rest marked. */
  #longLived(received: number, effective: number): number {
    const { store } = this;
    const flags = store.flags[received]! | store.flags[effective]!;
    if ((flags & AttributeFlag.NO_LLGR) !== 0) return -1;
    if (effective === 0 || (store.flags[effective]! & AttributeFlag.LLGR_STALE) !== 0) return effective;
    const known = this.#marked.get(store, effective);
    if (known > 0) return known;
    const attributes = store.view(effective);
    const communities = withCommunity(attributes.communities, Community.LlgrStale);
    const marked = store.intern({ ...attributes, communities }, store.nextHop[effective]!);
    this.#marked.putSet(store, effective, marked);
    return marked;
  }
}
