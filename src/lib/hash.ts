import type { Random } from "./random.ts";

/**
 * Hashing with a secret. Peers choose the bytes that are hashed here, so without one they could choose them to collide
 * and make each lookup a walk. The secret is drawn from the randomness that is handed in, once per speaker.
 */
export class Hasher {
  readonly #key0: number;
  readonly #key1: number;
  readonly #odd0: number;
  readonly #odd1: number;

  constructor(random: Random) {
    const word = () => Math.floor(random.next() * 4294967296) | 0;
    this.#key0 = word();
    this.#key1 = word();
    this.#odd0 = word() | 1;
    this.#odd1 = word() | 1;
  }

  /**
   * Hash of an IPv4 prefix. One word only, so plain multiplication does: for one length the function is a bijection,
   * and which prefixes share the leading bits depends on secret multipliers.
   */
  prefix4(address: number, length: number): number {
    let h = Math.imul(address ^ this.#key0, this.#odd0);
    h ^= h >>> 16;
    h = Math.imul((h + Math.imul(length, this.#odd1)) ^ this.#key1, this.#odd1);
    h ^= h >>> 15;
    h = Math.imul(h, this.#odd0);
    return (h ^ (h >>> 16)) >>> 0;
  }

  /**
   * Hash of an IPv6 prefix. Two secret multiplications a word, and one for the length before it is added: no difference of one of them
   * cancels another's.
   */
  prefix6(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const odd0 = this.#odd0;
    const odd1 = this.#odd1;
    let h = Math.imul((w0 ^ this.#key0) + Math.imul(length, odd1), odd0);
    h = Math.imul(h ^ (h >>> 16), odd1);
    h = Math.imul((h ^ (h >>> 15)) + w1, odd0);
    h = Math.imul(h ^ (h >>> 16), odd1);
    h = Math.imul((h ^ (h >>> 15)) + w2, odd0);
    h = Math.imul(h ^ (h >>> 16), odd1);
    h = Math.imul((h ^ (h >>> 15)) + w3, odd0);
    h = Math.imul(h ^ (h >>> 16), odd1 ^ this.#key1);
    return (h ^ (h >>> 16)) >>> 0;
  }

  /**
   * HalfSipHash-1-3 (as in Linux's hsiphash) of octets, started from `state`: the hash of the piece before, or of whatever
   * else tells texts apart. Simple multiplicative hashes of long input have collisions that hold for every seed; this one
   * doesn't.
   */
  bytes(bytes: Uint8Array, start: number, end: number, state: number): number {
    let v0 = this.#key0 ^ state;
    let v1 = this.#key1;
    let v2 = this.#key0 ^ 0x6c796765;
    let v3 = this.#key1 ^ 0x74656462;
    let at = start;
    for (const last = end - 3; at < last; at += 4) {
      const m = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      v3 ^= m;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= m;
    }
    let tail = (end - start) << 24;
    for (let shift = 0; at < end; at++, shift += 8) tail |= bytes[at]! << shift;
    v3 ^= tail;
    for (let round = 0; round < 4; round++) {
      if (round === 1) {
        v0 ^= tail;
        v2 ^= 0xff;
      }
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    return (v1 ^ v3) >>> 0;
  }
}
