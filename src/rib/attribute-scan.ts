import * as octets from "../lib/bytes.ts";
import { asPath } from "../wire/attribute/as-path.ts";
import { clusterList } from "../wire/attribute/cluster-list.ts";
import * as header from "../wire/attribute/header.ts";

const { codeAt, endAt, valueAt } = header;
const { wordAt } = octets;
const { code: AS_PATH } = asPath;
const { code: CLUSTER_LIST } = clusterList;

/** Whether canonical octets name one of `asns` in AS_PATH or `clusterId` in CLUSTER_LIST: what makes a loop, read in place. */
export function namesAny(
  bytes: Uint8Array,
  start: number,
  end: number,
  asns: readonly number[],
  clusterId: number,
): boolean {
  for (let at = start; at < end; ) {
    const code = codeAt(bytes, at);
    const value = valueAt(bytes, at);
    const next = endAt(bytes, at, value);
    if (code === AS_PATH) {
      for (let segment = value; segment < next; segment += 2 + bytes[segment + 1]! * 4)
        for (let as = segment + 2, last = as + bytes[segment + 1]! * 4; as < last; as += 4)
          if (asns.includes(wordAt(bytes, as))) return true;
    } else if (code === CLUSTER_LIST) {
      for (let id = value; id < next; id += 4) if (wordAt(bytes, id) === clusterId) return true;
    } else if (code > CLUSTER_LIST) return false; // sorted by code
    at = next;
  }
  return false;
}
