const AS_PATH = 2;
const CLUSTER_LIST = 10;

/** Whether canonical octets name one of `asns` in AS_PATH or `clusterId` in CLUSTER_LIST: what makes a loop, read in place. */
export function namesAny(
  bytes: Uint8Array,
  start: number,
  end: number,
  asns: readonly number[],
  clusterId: number,
): boolean {
  for (let at = start; at < end; ) {
    const extended = (bytes[at]! & 0x10) !== 0;
    const code = bytes[at + 1]!;
    const value = at + (extended ? 4 : 3);
    const next = value + (extended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!);
    if (code === AS_PATH) {
      for (let segment = value; segment < next; segment += 2 + bytes[segment + 1]! * 4)
        for (let as = segment + 2, last = as + bytes[segment + 1]! * 4; as < last; as += 4)
          if (asns.includes(word(bytes, as))) return true;
    } else if (code === CLUSTER_LIST) {
      for (let id = value; id < next; id += 4) if (word(bytes, id) === clusterId) return true;
    } else if (code > CLUSTER_LIST) return false; // sorted by code
    at = next;
  }
  return false;
}

const word = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
