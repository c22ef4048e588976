import type { GracefulRestart } from "./introduction.ts";
import { ScriptedSpeaker, type SpeakerOptions } from "./scripted-speaker.ts";
import { eachAttribute, type UpdateSink } from "./update.ts";

/**
 * Routes by number, for tables so large that text and hex would cost more than the daemon does: route i is the prefix 20.0.0.0 + 256 i, of
 * length 24; its MED says which version of the route it is.
 */
const BASE = 0x14000000;

const nlri = (first: number, count: number): Buffer => {
  const octets = Buffer.alloc(4 * count);
  for (let i = 0; i < count; i++) {
    octets[4 * i] = 24;
    octets.writeUIntBE((BASE >>> 8) + first + i, 4 * i + 1, 3);
  }
  return octets;
};

const u32 = (value: number): Buffer => {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value >>> 0);
  return octets;
};

/** An UPDATE without hex in between. */
function updateFrom(withdrawn: Buffer, attributes: Buffer, announced: Buffer): Buffer {
  const length = 19 + 4 + withdrawn.length + attributes.length + announced.length;
  const head = Buffer.alloc(21, 0xff);
  head.writeUInt16BE(length, 16);
  head[18] = 2;
  head.writeUInt16BE(withdrawn.length, 19);
  return Buffer.concat([
    head,
    withdrawn,
    Buffer.from([attributes.length >>> 8, attributes.length]),
    attributes,
    announced,
  ]);
}

const nothing = Buffer.alloc(0);

/** One UPDATE with the attributes as they are, and routes that follow each other. */
export const updateOf = (attributes: Buffer, first: number, count = 1): Buffer =>
  updateFrom(nothing, attributes, nlri(first, count));

export function* withdrawals(first: number, count: number): Generator<Buffer> {
  for (let at = first; at < first + count; at += 900)
    yield updateFrom(nlri(at, Math.min(900, first + count - at)), nothing, nothing);
}

export interface Announcement {
  readonly first: number;
  readonly count: number;
  /** Routes in one UPDATE, which is as many as share an attribute set. */
  readonly together: number;
  readonly version: number;
  /** Octets of communities in each set: makes it a large one. */
  readonly ballast?: number;
}

/** UPDATEs that announce routes, in chunks of 64 KiB or so. */
export function* announcements(
  { first, count, together, version, ballast = 0 }: Announcement,
  nextHop: Buffer,
): Generator<Buffer> {
  let parts: Buffer[] = [];
  let size = 0;
  for (let at = first; at < first + count; at += together) {
    const communities = Buffer.alloc(4 + (ballast & ~3));
    for (let i = 0; i < communities.length; i += 4) communities.writeUInt32BE((at * 7919 + i) >>> 0, i);
    const attributes = Buffer.concat([
      Buffer.from([0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4]),
      nextHop,
      Buffer.from([0x80, 4, 4]),
      u32(version),
      Buffer.from([0x40, 5, 4, 0, 0, 0, 100, 0xd0, 8, communities.length >>> 8, communities.length & 255]),
      communities,
    ]);
    const update = updateOf(attributes, at, Math.min(together, first + count - at));
    parts.push(update);
    size += update.length;
    if (size < 65_536) continue;
    yield Buffer.concat(parts);
    parts = [];
    size = 0;
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}

/** What is to be remembered of the attributes between these offsets; never 0. */
export type Remember = (octets: Buffer, start: number, end: number) => number;

/** The MED of a route, which says which version of it this is, and one more. */
function versionOf(octets: Buffer, start: number, end: number): number {
  let version = 0;
  eachAttribute(octets, start, end, (code, value) => {
    if (code === 4) version = octets.readUInt32BE(value);
  });
  return 1 + version;
}

/** A table of numbered routes as one word each. */
export class NumberedTable implements UpdateSink {
  /** By route: what is remembered of it, 0 = not there. Routes beyond it are counted and forgotten. */
  readonly table: Uint32Array;
  readonly #remember: Remember;
  announced = 0;
  withdrawn = 0;
  #value = 0;

  constructor(routes: number, remember: Remember = versionOf) {
    this.table = new Uint32Array(routes);
    this.#remember = remember;
  }

  withdraw(octets: Buffer, at: number): void {
    this.withdrawn++;
    this.#set(octets, at, 0);
  }

  attributes(octets: Buffer, start: number, end: number): void {
    this.#value = this.#remember(octets, start, end);
  }

  announce(octets: Buffer, at: number): void {
    this.announced++;
    this.#set(octets, at, this.#value);
  }

  #set(octets: Buffer, at: number, value: number): void {
    const index = octets[at] === 24 ? octets.readUIntBE(at + 1, 3) - (BASE >>> 8) : -1;
    if (index >= 0 && index < this.table.length) this.table[index] = value;
  }
}

export interface NumberedOptions
  extends Pick<SpeakerOptions, "from" | "to" | "port" | "onEstablished" | "onRefresh" | "onClosed"> {
  readonly as?: number;
  readonly holdTime?: number;
  /** Routes that may be told; 0: they are counted and forgotten. */
  readonly routes?: number;
  /** Says nothing at all, ever. */
  readonly silent?: boolean;
  /** Offers RFC 4724, and the refresh that the return from a restart needs. */
  readonly gracefulRestart?: GracefulRestart;
  /** By default 1 + the version. */
  readonly remember?: Remember;
}

/** A speaker with numbered routes; it shakes hands by itself unless it is a silent one. */
export class NumberedSpeaker extends ScriptedSpeaker {
  readonly #told: NumberedTable;
  readonly #address: Buffer;

  constructor(options: NumberedOptions) {
    const { as = 65001, holdTime: hold = 90, routes = 0, silent, gracefulRestart, remember, ...others } = options;
    const told = new NumberedTable(routes, remember);
    const who = {
      as,
      hold,
      routerId: options.from,
      ipv6: false,
      refresh: gracefulRestart !== undefined,
      ...(gracefulRestart && { gracefulRestart }),
    };
    super({ ...others, sink: told, ...(silent ? {} : { who }) });
    this.#told = told;
    this.#address = Buffer.from(options.from.split(".").map(Number));
  }

  /** By route: 1 + its version (or what is to be remembered), 0 = not there. */
  get table(): Uint32Array {
    return this.#told.table;
  }

  override get announced(): number {
    return this.#told.announced;
  }

  get withdrawn(): number {
    return this.#told.withdrawn;
  }

  announce(told: Announcement): Promise<void> {
    return this.stream(announcements(told, this.#address));
  }
}
