import { readFileSync } from "node:fs";
import { formatPrefix } from "../../../src/lib/address.ts";
import type { Family } from "../../../src/lib/family.ts";
import { type CodecContext, codecContext } from "../../../src/wire/context.ts";
import { NotificationError } from "../../../src/wire/errors.ts";
import { HEADER_LENGTH } from "../../../src/wire/framer.ts";
import { scanUpdate } from "../../../src/wire/message/update.ts";
import { type UpdateLayout, updateLayout } from "../../../src/wire/message/update-layout.ts";
import { type NlriSink, walkNlri } from "../../../src/wire/nlri/walk.ts";
import { attribute, bytes, hex } from "../../../testbed/speaker/octets.ts";

/** The attributes that every IPv4 route needs, as an internal peer sends them. */
export const good = {
  origin: attribute(0x40, 1, "00"),
  asPath: attribute(0x40, 2, "0201 0000fde9"),
  nextHop: attribute(0x40, 3, "0a000001"),
  localPref: attribute(0x40, 5, "00000064"),
};
export const goodSet: readonly string[] = [good.origin, good.asPath, good.nextHop, good.localPref];

/** The layout of a whole message. */
export const scan = (data: Uint8Array, context: CodecContext = codecContext()): UpdateLayout => {
  const layout = updateLayout();
  scanUpdate(data, HEADER_LENGTH, data.length, context, layout);
  return layout;
};

/** "10.0.0.0/8", and "10.0.0.0/8#7" with a path id. */
export const prefixes = (family: Family, data: Uint8Array, start: number, end: number, addPath = false): string[] => {
  const found: string[] = [];
  const text = (words: number[], length: number, pathId: number) =>
    found.push(formatPrefix({ words, length }) + (addPath ? `#${pathId}` : ""));
  const sink: NlriSink = {
    nlri4: (address, length, pathId) => text([address], length, pathId),
    nlri6: (w0, w1, w2, w3, length, pathId) => text([w0, w1, w2, w3], length, pathId),
  };
  if (start >= 0) walkNlri(family, data, start, end, addPath, sink);
  return found;
};

/** The NotificationError that `body` throws, as "code/subcode hex"; anything else is thrown on. */
export const notification = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    if (error instanceof NotificationError) return `${error.code}/${error.subcode} ${hex(error.data)}`.trim();
    throw error;
  }
  return "nothing was thrown";
};

/** A message that a real daemon sent to one of the peers in trials/capture/capture.ts. */
export interface Golden {
  /** "BIRD 2.0.12" */
  readonly madeBy: string;
  readonly peer: "feeder" | "client" | "witness" | "old" | "paths";
  readonly type: "OPEN" | "UPDATE" | "NOTIFICATION" | "KEEPALIVE" | "ROUTE-REFRESH";
  readonly bytes: Uint8Array;
}

const both = [true, true];

/** What each of those peers had agreed with the daemon. */
export const goldenContexts: Readonly<Record<Golden["peer"], CodecContext>> = {
  feeder: codecContext({ peerKind: "external", localAs: 4200000001 }),
  client: codecContext(),
  witness: codecContext({ families: both, extendedNextHop: true, maxReceive: 65535 }),
  old: codecContext({ peerKind: "external", localAs: 65010, fourOctetAs: false }),
  paths: codecContext({ families: both, addPathReceive: both }),
};

/** All golden messages of FRR, BIRD and GoBGP. */
export const goldens: readonly Golden[] = ["frr", "bird", "gobgp"].flatMap((name) => {
  const file = JSON.parse(readFileSync(`test/wire/golden/${name}.json`, "utf8")) as {
    madeBy: string;
    messages: (Omit<Golden, "madeBy" | "bytes"> & { hex: string })[];
  };
  return file.messages.map(({ peer, type, hex }) => ({ madeBy: file.madeBy, peer, type, bytes: bytes(hex) }));
});
