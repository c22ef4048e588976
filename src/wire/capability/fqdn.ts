import type { ByteReader, ByteWriter } from "../../lib/bytes.ts";
import { printable } from "../text.ts";
import { type CapabilityCodec, CapabilityError } from "./row.ts";

function readText(value: ByteReader): string {
  const length = value.u8();
  return new TextDecoder().decode(value.view(length));
}

/** Longest name that is sent, in octets: both together must fit a capability, and others keep no more (FRR: 64). */
const LONGEST = 64;

/** Cut at a character. */
function writeText(out: ByteWriter, text: string): void {
  const utf8 = new TextEncoder().encode(text);
  let end = Math.min(utf8.length, LONGEST);
  while (end < utf8.length && end > 0 && (utf8[end]! & 0xc0) === 0x80) end--;
  out.u8(end);
  out.raw(utf8, 0, end);
}

/** FQDN (code 73): the speaker's name, for people. draft-walton-bgp-hostname-capability-02. */
export const fqdn: CapabilityCodec<"fqdn"> = {
  code: 73,
  kind: "fqdn",
  name: "FQDN",
  decode(value) {
    const host = readText(value);
    const domain = value.length > 0 ? readText(value) : "";
    if (value.length > 0) throw new CapabilityError("octets behind the domain name");
    return { kind: "fqdn", host, domain };
  },
  encode(out, { host, domain }) {
    writeText(out, host);
    writeText(out, domain);
  },
  format: ({ host, domain }) => printable(domain === "" ? host : `${host}.${domain}`),
};
