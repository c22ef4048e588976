import { ByteReader, TruncatedError } from "../../lib/bytes.ts";
import { type CodecContext, limitsOf } from "../context.ts";
import { UpdateError, type UpdateSubcode } from "../errors.ts";
import type { UpdateLayout } from "../message/update-layout.ts";
import { asPath, checkAsPath } from "./as-path.ts";
import { mergeAs4 } from "./as4.ts";
import {
  type AttributeAction,
  AttributeError,
  type AttributeFault,
  badLength,
  faultData,
  isStronger,
  resetFor,
} from "./fault.ts";
import { codeAt, endAt, Flag, valueAt } from "./header.ts";
import { mpReach, mpUnreach, readMpNextHop } from "./mp.ts";
import { type AttributeDraft, type AttributeRules, accepts, fits, newDraft } from "./row.ts";
import { codecOf, codecs } from "./table.ts";
import type { PathAttributes, UnknownAttribute } from "./types.ts";

/**
 * The plain way from an attribute section to values, one attribute after the other by the table, until everything that is
 * wrong is known (RFC 7606 §3 h). It runs once per distinct set of raw bytes, not once per route.
 */

/** Which of an UPDATE's announcements is meant: both may be in one message, with different next hops. "none": it withdraws only. */
export type Reach = "ipv4-nlri" | "mp-reach" | "none";

export interface DecodedAttributes {
  /** Null: the routes are to be treated as withdrawn (RFC 7606 §2). */
  readonly attributes: PathAttributes | null;
  /** Everything that was wrong, discarded attributes included. */
  readonly faults: readonly AttributeFault[];
}

/** Attributes that `dropAttributes` can't remove: nothing would be left to work with. */
const indispensable: ReadonlySet<number> = new Set([
  ...codecs.filter(({ mandatory }) => mandatory !== false).map(({ code }) => code),
  mpReach.code,
  mpUnreach.code,
]);

/**
 * Decodes every attribute but MP_REACH_NLRI and MP_UNREACH_NLRI, merges AS4_PATH, fills `nextHop` from where `reach` says.
 * @throws NotificationError if the strongest fault asks for a session reset.
 */
export function decodeAttributes(
  bytes: Uint8Array,
  layout: UpdateLayout,
  context: CodecContext,
  reach: Reach,
): DecodedAttributes {
  const section = new Section(bytes, context);
  if (layout.error !== null) section.faults.push(layout.error);
  section.read(layout.attributesStart, layout.attributesEnd);
  if (reach !== "none") section.complete(reach);
  const { draft, faults } = section;
  if (reach === "mp-reach") draft.attributes.nextHop = readMpNextHop(bytes, layout);

  const worst = faults.reduce<AttributeFault | null>(
    (found, fault) => (found === null || isStronger(fault.action, found.action) ? fault : found),
    null,
  );
  if (worst?.action === "session-reset") throw resetFor(worst);
  if (worst?.action === "treat-as-withdraw") return { attributes: null, faults };
  return { attributes: draft.attributes, faults };
}

/** One attribute section on its way through the table. */
class Section {
  readonly draft: AttributeDraft = newDraft();
  readonly faults: AttributeFault[] = [];
  readonly #bytes: Uint8Array;
  readonly #context: CodecContext;
  readonly #seen = new Set<number>();
  readonly #partial: number[] = [];
  readonly #unknown: UnknownAttribute[] = [];

  constructor(bytes: Uint8Array, context: CodecContext) {
    this.#bytes = bytes;
    this.#context = context;
  }

  /** Every attribute in turn; the scan has made sure that headers and lengths fit the section. */
  read(start: number, end: number): void {
    const bytes = this.#bytes;
    for (let at = start, next = 0; at < end; at = next) {
      const code = codeAt(bytes, at);
      const value = valueAt(bytes, at);
      next = endAt(bytes, at, value);
      if (code === mpReach.code || code === mpUnreach.code) continue;
      this.#attribute(code, bytes[at]!, at, value, next);
    }
    // Most sections come sorted; the canonical form has to be.
    this.draft.attributes.unknown = this.#unknown.sort((a, b) => a.code - b.code);
    this.draft.attributes.partial = this.#partial.sort((a, b) => a - b);
    mergeAs4(this.draft);
  }

  #attribute(code: number, flags: number, at: number, valueStart: number, valueEnd: number): void {
    const context = this.#context;
    const fault = (row: Named, action: AttributeAction, subcode: UpdateSubcode, text: string) =>
      this.faults.push({
        code: row.code,
        name: row.name,
        action,
        subcode,
        text,
        data: faultData(subcode, this.#bytes, at, valueEnd),
      });
    if (context.dropAttributes.has(code) && !indispensable.has(code)) return;
    const codec = codecOf(code);
    if (this.#seen.has(code)) {
      const row = codec ?? { code, name: `attribute ${code}` };
      const action = codec?.onError.duplicate ?? "attribute-discard";
      fault(row, action, UpdateError.MalformedAttributeList, "occurs again; only the first counts");
      return;
    }
    this.#seen.add(code);
    if (codec === undefined) {
      this.#opaque(code, flags, valueStart, valueEnd, fault);
      return;
    }
    if (!accepts(codec, context)) {
      fault(codec, "attribute-discard", UpdateError.OptionalAttribute, refusals[codec.acceptFrom]);
      return;
    }
    if (((flags ^ codec.flags) & (Flag.OPTIONAL | Flag.TRANSITIVE)) !== 0) {
      fault(codec, codec.onError.flags, UpdateError.AttributeFlags, flagsText(codec.flags, flags));
      return;
    }
    try {
      if (!fits(codec.size, valueEnd - valueStart)) throw badLength(codec.size.text, valueEnd - valueStart);
      const value = codec.decode(new ByteReader(this.#bytes, valueStart, valueEnd), context);
      const into = codec.acceptFrom === "two-octet" ? this.draft.as4 : this.draft.attributes;
      (into as Record<string, unknown>)[codec.field] = value;
      // RFC 4271 §5: once set, Partial stays set, even by those who know the attribute.
      if ((flags & Flag.PARTIAL) !== 0 && codec.flags === (Flag.OPTIONAL | Flag.TRANSITIVE)) this.#partial.push(code);
    } catch (error) {
      const { kind, subcode, message } = asAttributeError(error);
      fault(codec, codec.onError[kind], subcode, message);
    }
  }

  /** RFC 4271 §5: what we don't implement (RFC 5701's, for one) is passed on with Partial set if it is transitive, and dropped if it isn't. */
  #opaque(code: number, flags: number, valueStart: number, valueEnd: number, fault: Report): void {
    const row = { code, name: `attribute ${code}` };
    if ((flags & Flag.OPTIONAL) === 0) {
      // All well-known attributes are implemented, so its flags are wrong: RFC 7606 §3 c asks for no more than its routes.
      fault(row, "treat-as-withdraw", UpdateError.UnrecognizedWellKnown, "marked as well-known, but nobody knows it");
      return;
    }
    if ((flags & Flag.TRANSITIVE) === 0) return;
    const limit = limitsOf(this.#context).unknownAttributes;
    if (this.#unknown.length >= limit) {
      fault(row, "treat-as-withdraw", UpdateError.OptionalAttribute, `more than ${limit} unknown attributes`);
      return;
    }
    const value = this.#bytes.slice(valueStart, valueEnd);
    this.#unknown.push({ code, flags: Flag.OPTIONAL | Flag.TRANSITIVE | Flag.PARTIAL, value });
  }

  /** What only the whole section can tell: missing attributes (RFC 7606 §3 d) and the path beyond its syntax. */
  complete(reach: "ipv4-nlri" | "mp-reach"): void {
    for (const row of codecs)
      if ((row.mandatory === true || row.mandatory === reach) && !this.#seen.has(row.code))
        this.faults.push({
          code: row.code,
          name: row.name,
          action: row.onError.missing,
          subcode: UpdateError.MissingWellKnown,
          text: "is missing",
          data: Uint8Array.of(row.code),
        });
    const known = ({ code, action }: AttributeFault) => code === asPath.code && isStronger(action, "attribute-discard");
    if (!this.#seen.has(asPath.code) || this.faults.some(known)) return;
    const wrong = checkAsPath(this.draft.attributes.asPath, this.#context);
    if (wrong !== null)
      this.faults.push({
        code: asPath.code,
        name: asPath.name,
        action: asPath.onError.value,
        subcode: wrong.subcode,
        text: wrong.message,
        data: new Uint8Array(0),
      });
  }
}

type Named = Pick<AttributeRules, "code" | "name">;
type Report = (row: Named, action: AttributeAction, subcode: UpdateSubcode, text: string) => void;

/** Why an attribute from a peer that `accepts` turns away is dropped unread. */
const refusals: Readonly<Record<AttributeRules["acceptFrom"], string>> = {
  any: "",
  internal: "has no meaning from an external peer",
  "two-octet": "has no place between peers with 4-octet AS numbers",
};

/** Every exception of a decoder is a verdict: what isn't an AttributeError means a value that ended too early, or a bug. */
function asAttributeError(error: unknown): AttributeError {
  if (error instanceof AttributeError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const kind = error instanceof TruncatedError ? "length" : "value";
  return new AttributeError(
    kind,
    kind === "length" ? UpdateError.AttributeLength : UpdateError.OptionalAttribute,
    text,
  );
}

function flagsText(wanted: number, found: number): string {
  const words = (flags: number) =>
    `${(flags & Flag.OPTIONAL) === 0 ? "well-known" : "optional"} ${(flags & Flag.TRANSITIVE) === 0 ? "non-transitive" : "transitive"}`;
  return `must be ${words(wanted)}, found ${words(found)}`;
}
