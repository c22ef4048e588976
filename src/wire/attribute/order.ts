/**
 * Lists whose order says nothing (communities of all kinds: RFC 1997, 4360, 8092): in canonical form they ascend and hold nothing
 * twice, since equal sets must have equal bytes.
 */

/** Whether items of `size` octets each stand so in [from, to). */
export function isAscending(bytes: Uint8Array, from: number, to: number, size: number): boolean {
  for (let at = from + size; at < to; at += size) {
    let i = 0;
    while (i < size && bytes[at + i] === bytes[at - size + i]) i++;
    if (i === size || bytes[at + i]! < bytes[at - size + i]!) return false;
  }
  return true;
}

/** The list itself if it is so already. */
export function ascending<T>(list: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  for (let i = 1; i < list.length; i++)
    if (compare(list[i - 1]!, list[i]!) >= 0) {
      const sorted = list.toSorted(compare);
      return sorted.filter((item, at) => at === 0 || compare(item, sorted[at - 1]!) !== 0);
    }
  return list;
}
