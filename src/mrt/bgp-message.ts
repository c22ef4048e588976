import { formatIpv4 } from "../lib/address.ts";
import type { Family } from "../lib/family.ts";
import { decodeAttributes } from "../wire/attribute/decode.ts";
import type { PathAttributes } from "../wire/attribute/types.ts";
import { NotificationError } from "../wire/errors.ts";
import { HEADER_LENGTH, MessageType } from "../wire/framer.ts";
import { decodeNotification, describeNotification } from "../wire/message/notification.ts";
import { decodeOpen } from "../wire/message/open.ts";
import { isEndOfRib, scanUpdate } from "../wire/message/update.ts";
import { type UpdateLayout, updateLayout } from "../wire/message/update-layout.ts";
import { contextOf } from "./attribute-section.ts";
import { readNlri } from "./fields.ts";
import { MrtError, type MrtMessage, type MrtPeer, type MrtPrefix, type MrtUpdate } from "./record.ts";

/** What surrounds a message in its record. */
export interface Envelope {
  readonly seconds: number;
  readonly microseconds: number;
  readonly peer: MrtPeer;
  readonly local: MrtPeer | null;
  readonly sent: boolean;
}

/** A whole message with its header. @throws MrtError */
export function decodeMessage(
  envelope: Envelope,
  bytes: Uint8Array,
  start: number,
  end: number,
  fourOctetAs: boolean,
  addPath: boolean,
): MrtUpdate | MrtMessage {
  if (end - start < HEADER_LENGTH) throw new MrtError(`a message of ${end - start} octets has no header`, start);
  const length = (bytes[start + 16]! << 8) | bytes[start + 17]!;
  if (length !== end - start) throw new MrtError(`a message that claims ${length} octets, found ${end - start}`, start);
  return decodeBody(envelope, bytes[start + 18]!, bytes, start + HEADER_LENGTH, end, fourOctetAs, addPath);
}

/** What follows the header. @throws MrtError */
export function decodeBody(
  envelope: Envelope,
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  fourOctetAs: boolean,
  addPath: boolean,
): MrtUpdate | MrtMessage {
  const say = (name: string, text = ""): MrtMessage => ({ kind: "message", ...envelope, name, text });
  try {
    switch (type) {
      case MessageType.Update:
        return decodeUpdate(envelope, bytes, start, end, fourOctetAs, addPath);
      case MessageType.Open: {
        const { as, holdTimeSeconds, routerId } = decodeOpen(bytes, start, end);
        return say("OPEN", `AS ${as}, identifier ${formatIpv4(routerId)}, hold time ${holdTimeSeconds} s`);
      }
      case MessageType.Notification:
        return say("NOTIFICATION", describeNotification(decodeNotification(bytes, start, end)));
      case MessageType.Keepalive:
        return say("KEEPALIVE");
      case MessageType.RouteRefresh:
        return say("ROUTE-REFRESH");
      default:
        return say(`type ${type}`);
    }
  } catch (error) {
    if (error instanceof NotificationError) throw new MrtError(error.message, start);
    throw error;
  }
}

function decodeUpdate(
  envelope: Envelope,
  bytes: Uint8Array,
  start: number,
  end: number,
  fourOctetAs: boolean,
  addPath: boolean,
): MrtUpdate {
  const context = contextOf(fourOctetAs, addPath);
  const layout = updateLayout();
  scanUpdate(bytes, start, end, context, layout);
  const withdrawn: MrtPrefix[] = [];
  const announced: { prefixes: readonly MrtPrefix[]; attributes: PathAttributes }[] = [];
  const prefixes = (family: Family, from: number, to: number) => readNlri(family, bytes, from, to, addPath);
  withdrawn.push(...prefixes(0, layout.withdrawnStart, layout.withdrawnEnd));
  if (layout.unreachFamily >= 0)
    withdrawn.push(...prefixes(layout.unreachFamily as Family, layout.unreachNlriStart, layout.unreachNlriEnd));
  if (layout.nlriEnd > layout.nlriStart)
    announced.push({
      prefixes: prefixes(0, layout.nlriStart, layout.nlriEnd),
      attributes: attributesOf(bytes, layout, context, "ipv4-nlri"),
    });
  if (layout.reachFamily >= 0 && layout.reachNlriEnd > layout.reachNlriStart)
    announced.push({
      prefixes: prefixes(layout.reachFamily as Family, layout.reachNlriStart, layout.reachNlriEnd),
      attributes: attributesOf(bytes, layout, context, "mp-reach"),
    });
  const family = isEndOfRib(layout);
  return { kind: "update", ...envelope, withdrawn, announced, endOfRib: family < 0 ? null : (family as Family) };
}

function attributesOf(
  bytes: Uint8Array,
  layout: UpdateLayout,
  context: ReturnType<typeof contextOf>,
  reach: "ipv4-nlri" | "mp-reach",
): PathAttributes {
  const { attributes, faults } = decodeAttributes(bytes, layout, context, reach);
  if (attributes !== null) return attributes;
  throw new MrtError(
    `an UPDATE whose routes a speaker would treat as withdrawn: ${faults.map(({ name, text }) => `${name} ${text}`).join("; ")}`,
    layout.attributesStart,
  );
}
