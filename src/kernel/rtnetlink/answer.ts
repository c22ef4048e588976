import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSGERR_ATTR_MSG } from "./constants.ts";
import { eachAttribute, HEADER_BYTES, readText, readU32 } from "./message.ts";

/** errno of the NLMSG_ERROR (or NLMSG_DONE) message at `start`, positive; 0 is an acknowledgement. */
export const answerErrno = (bytes: Uint8Array, start: number): number => -(readU32(bytes, start + HEADER_BYTES) | 0);

/** nlmsg_seq of the message at `start`: which request it answers. */
export const answerSequence = (bytes: Uint8Array, start: number): number => readU32(bytes, start + 8);

/** The kernel's own sentence on an error (extended ACK), or "" if it gave none. */
export function answerText(bytes: Uint8Array, flags: number, start: number, end: number): string {
  if ((flags & NLM_F_ACK_TLVS) === 0) return "";
  // error, then the request: its header alone if capped, else all of it
  const request = start + HEADER_BYTES + 4;
  if (request + HEADER_BYTES > end) return "";
  const at = request + ((flags & NLM_F_CAPPED) !== 0 ? HEADER_BYTES : (readU32(bytes, request) + 3) & ~3);
  let text = "";
  eachAttribute(bytes, at, end, (type, from, to) => {
    if (type === NLMSGERR_ATTR_MSG) text = readText(bytes, from, to);
  });
  return text;
}
