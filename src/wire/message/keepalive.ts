import { HEADER_LENGTH, MessageType } from "../framer.ts";
import { encodeHeader } from "./header.ts";

/** KEEPALIVE (RFC 4271 §4.4): a header and nothing more. A fresh copy, since bytes handed to a socket are never written again. */
export const encodeKeepalive = (): Uint8Array => encodeHeader(MessageType.Keepalive, HEADER_LENGTH);
