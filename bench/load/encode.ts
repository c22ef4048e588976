import type { AttributeSet, Table } from "./table.ts";

/**
 * A BGP encoder of its own, for what the generator says: it shares no line with the daemon's, so one cannot hide the other's faults.
 * Octets are gathered in one growing buffer.
 */
export class Encoder {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 65536) {
    this.bytes = new Uint8Array(capacity);
  }

  u8(...values: number[]): void {
    this.#room(values.length);
    for (const value of values) this.bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.u8((value >>> 8) & 255, value & 255);
  }

  u32(value: number): void {
    this.u8(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Header, then `body`; the length is filled in afterwards. */
  message(type: number, body: () => void): void {
    const start = this.length;
    for (let i = 0; i < 16; i++) this.u8(0xff);
    this.u16(0);
    this.u8(type);
    body();
    this.#patch16(start + 16, this.length - start);
  }

  /** Two octets of length, then `body`. */
  counted16(body: () => void): void {
    const at = this.length;
    this.u16(0);
    body();
    this.#patch16(at, this.length - at - 2);
  }

  /** One path attribute; the extended-length bit is set when it must be. */
  attribute(flags: number, code: number, value: () => void): void {
    const at = this.length;
    this.u8(flags, code, 0);
    value();
    const length = this.length - at - 3;
    if (length > 255) {
      this.#room(1);
      this.bytes.copyWithin(at + 4, at + 3, this.length++);
      this.bytes[at] = flags | 0x10;
      this.#patch16(at + 2, length);
    } else this.bytes[at + 2] = length;
  }

  prefix(table: Table, id: number): void {
    const { high, low, lengths } = table.prefixes;
    const octets = (lengths[id]! + 7) >> 3;
    this.u8(lengths[id]!);
    for (let i = 0; i < octets; i++) this.u8(((i < 4 ? high[id]! : low[id]!) >>> (24 - 8 * (i & 3))) & 255);
  }

  taken(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }

  #patch16(at: number, value: number): void {
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value & 255;
  }

  #room(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

export const KEEPALIVE = Uint8Array.of(...new Array<number>(16).fill(0xff), 0, 19, 4);

export interface OpenFields {
  readonly as: number;
  readonly holdTimeSeconds: number;
  readonly routerId: Uint8Array;
  readonly family: 4 | 6;
  /** Asks for several paths a prefix (RFC 7911, receive). */
  readonly addPath: boolean;
}

export function encodeOpen(open: OpenFields): Uint8Array {
  const e = new Encoder(128);
  const afi = open.family === 4 ? 1 : 2;
  const capabilities: number[][] = [
    [1, 4, 0, afi, 0, 1],
    [2, 0],
    [65, 4, 0, 0, open.as >>> 8, open.as & 255],
    ...(open.addPath ? [[69, 4, 0, afi, 1, 1]] : []),
  ];
  e.message(1, () => {
    e.u8(4);
    e.u16(open.as);
    e.u16(open.holdTimeSeconds);
    e.raw(open.routerId);
    const bytes = capabilities.flat();
    e.u8(bytes.length + 2, 2, bytes.length, ...bytes);
  });
  return e.taken();
}

export interface Marks {
  readonly nextHop: Uint8Array;
  /** What a reflector adds (RFC 4456 §8); absent in what a feeder sends. */
  readonly reflected?: { readonly originator: Uint8Array; readonly cluster: Uint8Array };
}

/** The path attributes in order of their codes, but MP_REACH_NLRI. */
export function encodeAttributes(e: Encoder, set: AttributeSet, marks: Marks): void {
  e.attribute(0x40, 1, () => e.u8(set.origin));
  e.attribute(0x40, 2, () => {
    if (set.asPath.length > 0) e.u8(2, set.asPath.length);
    for (const as of set.asPath) e.u32(as);
  });
  if (marks.nextHop.length === 4) e.attribute(0x40, 3, () => e.raw(marks.nextHop));
  if (set.med !== null) e.attribute(0x80, 4, () => e.u32(set.med!));
  e.attribute(0x40, 5, () => e.u32(set.localPref));
  if (set.communities.length > 0) e.attribute(0xc0, 8, () => set.communities.forEach((c) => void e.u32(c)));
  if (marks.reflected) {
    e.attribute(0x80, 9, () => e.raw(marks.reflected!.originator));
    e.attribute(0x80, 10, () => e.raw(marks.reflected!.cluster));
  }
  if (set.largeCommunities.length > 0) e.attribute(0xc0, 32, () => set.largeCommunities.forEach((w) => void e.u32(w)));
}

/** One UPDATE: the prefixes `from` up to `to` (at most 400, so that it fits) with one attribute set. */
export function encodeAnnounce(
  e: Encoder,
  table: Table,
  set: AttributeSet,
  marks: Marks,
  from: number,
  to: number,
): void {
  const nlri = () => {
    for (let id = from; id < to; id++) e.prefix(table, id);
  };
  e.message(2, () => {
    e.u16(0);
    e.counted16(() => {
      if (table.family === 6)
        e.attribute(0x80, 14, () => {
          e.u8(0, 2, 1, 16);
          e.raw(marks.nextHop);
          e.u8(0);
          nlri();
        });
      encodeAttributes(e, set, marks);
    });
    if (table.family === 4) nlri();
  });
}

/** UPDATEs that withdraw the prefixes `from` up to `to`, as full as 4096 octets allow. */
export function encodeWithdraw(e: Encoder, table: Table, from: number, to: number): void {
  const perMessage = table.family === 4 ? 800 : 440;
  for (let at = from; at < to; at += perMessage) {
    const nlri = () => {
      for (let id = at; id < Math.min(to, at + perMessage); id++) e.prefix(table, id);
    };
    e.message(2, () => {
      if (table.family === 4) {
        e.counted16(nlri);
        e.u16(0);
      } else {
        e.u16(0);
        e.counted16(() =>
          e.attribute(0x80, 15, () => {
            e.u8(0, 2, 1);
            nlri();
          }),
        );
      }
    });
  }
}
