import type { KernelNeighbour } from "../reader.ts";
import * as nl from "./constants.ts";
import { eachAttribute, HEADER_BYTES, type MessageBuffer, readAddress, readU16, readU32 } from "./message.ts";

/** RTM_NEWNEIGH as told: neighbour entries (AF_INET, AF_INET6) and forwarding entries (AF_BRIDGE); linux/neighbour.h. */
const NUD_PERMANENT = 0x80;
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDA_IFINDEX = 8;

/** ndm_ifindex of a neighbour message, read before anything else: most are of links that nobody asked about. */
export const neighbourLink = (bytes: Uint8Array, start: number): number => readU32(bytes, start + HEADER_BYTES + 4);

export function parseNeighbour(bytes: Uint8Array, start: number, end: number): KernelNeighbour {
  const head = start + HEADER_BYTES;
  let address: readonly number[] | null = null;
  let hardwareAddress = "";
  eachAttribute(bytes, head + 12, end, (type, from, to) => {
    if (type === NDA_DST) address = readAddress(bytes, from, to - from);
    else if (type === NDA_LLADDR)
      hardwareAddress = Array.from(bytes.subarray(from, to), (b) => b.toString(16).padStart(2, "0")).join(":");
  });
  return {
    ifindex: neighbourLink(bytes, start),
    forwarding: bytes[head] === nl.AF_BRIDGE,
    address,
    hardwareAddress,
    permanent: (readU16(bytes, head + 8) & NUD_PERMANENT) !== 0,
  };
}

/** All entries of one link: the forwarding ones, or those of an address family. */
export function appendNeighbourDump(out: MessageBuffer, sequence: number, family: number, ifindex: number): void {
  out.begin(nl.RTM_GETNEIGH, nl.NLM_F_DUMP, sequence);
  out.word(family); // struct ndmsg
  out.word(0);
  out.word(0);
  out.attributeU32(NDA_IFINDEX, ifindex);
  out.end();
}
