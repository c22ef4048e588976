import { ExportGroup } from "../../src/export/export-group.ts";
import type { ExportPolicyPort, GroupEvents, MemberPort } from "../../src/export/export-ports.ts";
import type { GroupKey } from "../../src/export/group-key.ts";
import type { GroupLimits } from "../../src/export/limits.ts";
import type { Member } from "../../src/export/members/member.ts";
import { formatPrefix, parsePrefix } from "../../src/lib/address.ts";
import { Family } from "../../src/lib/family.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { Rib } from "../../src/rib/rib.ts";
import type { NextHopTable } from "../../src/rib/rib-ports.ts";
import type { SourceInfo } from "../../src/rib/source-table.ts";
import { decodeAttributes } from "../../src/wire/attribute/decode.ts";
import { emptyAttributes, type PathAttributes } from "../../src/wire/attribute/types.ts";
import { codecContext } from "../../src/wire/context.ts";
import { isEndOfRib, scanUpdate } from "../../src/wire/message/update.ts";
import { updateLayout } from "../../src/wire/message/update-layout.ts";
import { walkNlri } from "../../src/wire/nlri/walk.ts";

/** Next hops that are all reachable; id 0 is "our own". */
export class AllNextHops implements NextHopTable {
  reachable = new Uint8Array(4096).fill(1);
  metric = new Uint32Array(4096);
  readonly #words: (readonly number[])[] = [[]];
  readonly #ids = new Map<string, number>();

  intern(words: readonly number[]): number {
    const key = words.join();
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.#words.push(words) - 1;
      this.#ids.set(key, id);
    }
    return id;
  }

  retain(): void {}
  release(): void {}
  use(): void {}
  unuse(): void {}
  words(id: number): readonly number[] {
    return this.#words[id]!;
  }

  linkLocal(): null {
    return null;
  }
}

export const LOCAL_AS = 65001;
export const ROUTER_ID = 0x0a000007;
export const CLUSTER_ID = 0x0a0000fa;
export const SELF4 = 0xc0000201;
export const SELF6 = [0x20010db8, 0, 0, 1] as const;

export const clientKey: GroupKey = {
  family: Family.Ipv4Unicast,
  peerKind: "internal",
  prependAs: [],
  client: true,
  clusterId: CLUSTER_ID,
  fourOctetAs: true,
  addPath: 0,
  extendedNextHop: false,
  maxMessage: 4096,
  longLived: "yes",
  nextHop: "unchanged",
  self4: SELF4,
  self6: SELF6,
  role: null,
  exportPolicy: "",
  advertisementIntervalSeconds: 0,
};
export const nonClientKey: GroupKey = { ...clientKey, client: false };
export const externalKey: GroupKey = {
  ...clientKey,
  peerKind: "external",
  client: false,
  prependAs: [LOCAL_AS],
  nextHop: "self",
};

export const acceptAll: ExportPolicyPort = { usesPrefix: false, evaluate: (attributes) => attributes };

export const route = (attributes: Partial<PathAttributes> = {}): PathAttributes => ({
  ...emptyAttributes,
  ...attributes,
});

/** A RIB with peers, without sessions. */
export class Router {
  readonly nextHops = new AllNextHops();
  readonly rib = new Rib({
    random: seededRandom(7),
    nextHops: this.nextHops,
    local: { as: LOCAL_AS, routerId: ROUTER_ID },
  });
  readonly groups: ExportGroup[] = [];
  /** Groups that have asked to be flushed, or were not done when they were. */
  readonly awake = new Set<ExportGroup>();
  #peers = 0;

  /** A new source of routes. */
  source(info: Partial<SourceInfo> = {}): number {
    const number = ++this.#peers;
    return this.rib.sources.add({
      kind: "internal",
      client: true,
      remoteAs: LOCAL_AS,
      routerId: 0x01010100 + number,
      address: [0x0a640000 + number],
      peer: `10.100.0.${number}`,
      name: "",
      ...info,
    });
  }

  table(family: Family = Family.Ipv4Unicast) {
    return this.rib.tables[family]!;
  }

  prefixId(text: string): number {
    const { family, words, length } = parsePrefix(text);
    return this.table(family).prefixes.find(words, length);
  }

  /** Next hop 192.0.2.`nextHop` (IPv6: 2001:db8::`nextHop`), or words; 0 is "our own". */
  announce(
    source: number,
    prefix: string,
    attributes: PathAttributes,
    nextHop: number | readonly number[] = 9,
    pathId = 0,
  ): void {
    const { family, words, length } = parsePrefix(prefix);
    const [w0, w1, w2, w3] = words as [number, number, number, number];
    let hop = 0;
    if (typeof nextHop !== "number") hop = this.nextHops.intern(nextHop);
    else if (nextHop !== 0)
      hop = this.nextHops.intern(
        family === Family.Ipv4Unicast ? [0xc0000200 + nextHop] : [0x20010db8, 0, 0, 0x100 + nextHop],
      );
    const set = this.rib.attributes.intern(attributes, hop);
    if (family === Family.Ipv4Unicast) this.table(family).announce4(source, w0, length, pathId, set);
    else this.table(family).announce6(source, w0, w1, w2, w3, length, pathId, set);
  }

  withdraw(source: number, prefix: string, pathId = 0): void {
    const { family, words, length } = parsePrefix(prefix);
    const [w0, w1, w2, w3] = words as [number, number, number, number];
    if (family === Family.Ipv4Unicast) this.table(family).withdraw4(source, w0, length, pathId);
    else this.table(family).withdraw6(source, w0, w1, w2, w3, length, pathId);
  }

  group(
    key: GroupKey,
    options: { policy?: ExportPolicyPort; limits?: Partial<GroupLimits>; events?: Partial<GroupEvents> } = {},
  ): ExportGroup {
    const { attributes, sources } = this.rib;
    const routes = this.table(key.family);
    const group: ExportGroup = new ExportGroup({
      key,
      routes,
      sets: attributes,
      nextHops: this.nextHops,
      sources,
      policy: options.policy ?? acceptAll,
      events: {
        ...options.events,
        wake: () => {
          this.awake.add(group);
          options.events?.wake?.();
        },
      },
      ...(options.limits ? { limits: options.limits } : {}),
    });
    routes.addConsumer(group, key.addPath > 0);
    this.groups.push(group);
    return group;
  }

  remove(group: ExportGroup): void {
    this.table(group.key.family).removeConsumer(group);
    this.groups.splice(this.groups.indexOf(group), 1);
  }

  flush(group: ExportGroup, budget: number): boolean {
    this.awake.delete(group);
    const done = group.flush(budget);
    if (!done) this.awake.add(group);
    return done;
  }

  /** Decides and flushes until nothing is left to do. Groups are flushed when they ask for it only, so that none may forget to. */
  settle(budget = 100_000): void {
    for (let turns = 0; turns < 100_000; turns++) {
      const decided = this.rib.flush(budget) && this.rib.work(budget);
      for (const group of [...this.awake]) this.flush(group, budget);
      if (decided && this.awake.size === 0) return;
    }
    throw new Error("doesn't settle");
  }
}

/** Words of a member's table: prefix, and path id with ADD-PATH, to attributes with next hop. */
export type Table = Map<string, PathAttributes>;

/** The other end of a session: reads what a group writes with our own decoder and keeps the table that results. */
export class Receiver implements MemberPort {
  readonly source: number;
  readonly key: GroupKey;
  readonly table: Table = new Map();
  /** "EoR", "BoRR", "EoRR", in order. */
  readonly marks: string[] = [];
  messages = 0;
  bytes = 0;
  announced = 0;
  withdrawn = 0;
  /** Withdrawals of something it did not have. */
  idleWithdrawals = 0;
  /** Takes at once; else only when told to. */
  eager: boolean;
  member: Member | null = null;
  #taken: (() => void) | null = null;
  #rest = Buffer.alloc(0);
  readonly buffers: Uint8Array[] = [];

  constructor(source: number, key: GroupKey, eager = true) {
    this.source = source;
    this.key = key;
    this.eager = eager;
  }

  join(group: ExportGroup): this {
    this.member = group.join(this);
    return this;
  }

  write(chunks: readonly Uint8Array[], taken: () => void): void {
    if (this.#taken !== null) throw new Error("two writes outstanding");
    if (chunks.length === 0) throw new Error("a write of nothing");
    for (const chunk of chunks) {
      this.bytes += chunk.length;
      this.buffers.push(chunk);
      this.#read(chunk);
    }
    if (this.eager) taken();
    else this.#taken = taken;
  }

  get isOutstanding(): boolean {
    return this.#taken !== null;
  }

  /** The socket has taken what was written. */
  take(): void {
    const taken = this.#taken;
    this.#taken = null;
    taken?.();
  }

  #read(chunk: Uint8Array): void {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 19) {
      const length = this.#rest.readUInt16BE(16);
      if (length < 19 || length > this.key.maxMessage) throw new Error(`a message of ${length} octets`);
      if (!this.#rest.subarray(0, 16).every((octet) => octet === 0xff)) throw new Error("no marker");
      if (this.#rest.length < length) return;
      this.messages++;
      this.#message(this.#rest[18]!, this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
    }
  }

  #message(type: number, bytes: Uint8Array): void {
    if (type === 5) {
      this.marks.push(bytes[21] === 1 ? "BoRR" : "EoRR");
      return;
    }
    if (type !== 2) throw new Error(`message type ${type}`);
    const { key } = this;
    const addPath = [key.addPath > 0, key.addPath > 0];
    const external = key.peerKind === "external";
    const context = codecContext({
      peerKind: key.peerKind,
      fourOctetAs: key.fourOctetAs,
      families: [true, true],
      addPathReceive: addPath,
      extendedNextHop: key.extendedNextHop,
      maxReceive: key.maxMessage,
      remoteAs: external ? key.prependAs[0]! : LOCAL_AS,
      localAs: external ? 64999 : LOCAL_AS,
    });
    const layout = updateLayout();
    scanUpdate(bytes, 19, bytes.length, context, layout);
    if (isEndOfRib(layout) === key.family) {
      this.marks.push("EoR");
      return;
    }
    const each = (family: Family | -1, from: number, to: number, add: boolean, use: (key: string) => void) => {
      if (family === -1 || to <= from) return;
      const suffix = (pathId: number) => (add ? `#${pathId}` : "");
      walkNlri(family, bytes, from, to, add, {
        nlri4: (address, length, pathId) => use(formatPrefix({ words: [address], length }) + suffix(pathId)),
        nlri6: (w0, w1, w2, w3, length, pathId) =>
          use(formatPrefix({ words: [w0, w1, w2, w3], length }) + suffix(pathId)),
      });
    };
    const forget = (name: string) => {
      this.withdrawn++;
      if (!this.table.delete(name)) this.idleWithdrawals++;
    };
    each(Family.Ipv4Unicast, layout.withdrawnStart, layout.withdrawnEnd, addPath[0]!, forget);
    each(layout.unreachFamily, layout.unreachNlriStart, layout.unreachNlriEnd, addPath[0]!, forget);
    const learn = (reach: "ipv4-nlri" | "mp-reach") => {
      const { attributes, faults } = decodeAttributes(bytes, layout, context, reach);
      if (attributes === null || faults.length > 0) throw new Error(`bad UPDATE: ${JSON.stringify(faults)}`);
      return (name: string) => {
        this.announced++;
        this.table.set(name, attributes);
      };
    };
    if (layout.nlriEnd > layout.nlriStart)
      each(Family.Ipv4Unicast, layout.nlriStart, layout.nlriEnd, addPath[0]!, learn("ipv4-nlri"));
    if (layout.reachFamily !== -1)
      each(layout.reachFamily, layout.reachNlriStart, layout.reachNlriEnd, addPath[0]!, learn("mp-reach"));
  }
}
