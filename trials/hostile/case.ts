import type { Introduction } from "../../testbed/speaker/introduction.ts";

/**
 * One hostile input, as data: who sends it, in which state of the session, what, and what the RFC says must happen then.
 *
 * A verdict is a short text:
 *
 * | verdict | what is seen |
 * |---|---|
 * | `reset C/S [DATA]` | a NOTIFICATION with this code and subcode, and if given exactly this data in hex; `*` stands for any subcode |
 * | `close` | the connection ends without a NOTIFICATION |
 * | `withdraw` | the session stays; the target is gone (RFC 7606 treat-as-withdraw) |
 * | `taken` | the session stays; the hostile UPDATE's route has replaced the earlier one |
 * | `taken -N` | as before, and attribute N is not in what the witness is told (attribute discard) |
 * | `taken +N` | as before, and attribute N is passed on with the Partial bit |
 * | `kept` | the session stays; the target is as it was before |
 * | `alive` | the session stays, and goes on working; nothing more is asked |
 * | `up` | before Established: the session comes up and works |
 * | `disable` | the session stays; all routes of the attribute's family are gone (RFC 7606 AFI/SAFI disable) |
 */
export type Verdict = string;

/** Done to the connection in order. Plain octets are written at once. */
export type Step =
  | Uint8Array
  | { readonly pauseMs: number }
  /** An octet (or `size` of them) at a time. */
  | { readonly trickle: Uint8Array; readonly everyMs: number; readonly size?: number }
  /** The same octets many times, as fast as the daemon takes them. */
  | { readonly repeat: Uint8Array; readonly times: number }
  | { readonly tcp: "end" | "reset" | "stop-reading" | "resume-reading" }
  /** More connections from this session's own address or from one that nobody knows; held open until the case is over, ended or reset at once. */
  | {
      readonly crowd: "self" | "stranger";
      readonly connections: number;
      readonly send?: Uint8Array;
      readonly finally: "hold" | "end" | "reset";
    };

/** What a case may build upon. Prefixes are its own; no other case uses them. */
export interface Ground {
  readonly kind: "internal" | "external";
  /** The attacker's AS. */
  readonly as: number;
  readonly dutAs: number;
  /** Addresses as hex: next hop of good routes, and the daemon's own. */
  readonly nextHop: string;
  readonly nextHop6: string;
  readonly dut: string;
  readonly dutText: string;
  readonly routerId: string;
  /** As NLRI. */
  readonly target: string;
  readonly target6: string;
  readonly other: string;
  readonly other6: string;
  /** Attributes of a good route of this peer that is told from the earlier one by ORIGIN = INCOMPLETE; those named are left out. */
  good(...without: number[]): string[];
  /** The same for a route in MP_REACH_NLRI, without NEXT_HOP. */
  good6(...without: number[]): string[];
  /** MP_REACH_NLRI of the IPv6 target. */
  reach6(nlri?: string): string;
  /** An UPDATE with these attributes for the target. */
  update(attributes: readonly string[], nlri?: string): Uint8Array;
}

export interface HostileCase {
  readonly id: string;
  readonly group: string;
  /** What is wrong, in words. */
  readonly title: string;
  readonly rfc: string;
  readonly from: "internal" | "external";
  /** When the hostile octets are sent: after TCP, after the daemon's OPEN, after its KEEPALIVE, or with routes announced. */
  readonly stage: "connected" | "open" | "confirm" | "established";
  /** Differences from a plain OPEN of the attacker. */
  readonly open?: Partial<Introduction>;
  /** Without this capability of the daemon the case says nothing about it. */
  readonly needs?: "extended" | "enhanced-refresh" | "add-path";
  readonly attack: (ground: Ground) => readonly Step[];
  /** The first is what the RFC's letter says; the others are what it allows as well. */
  readonly expect: readonly Verdict[];
  /** Which target is looked at. */
  readonly family: 4 | 6;
  /** How long the end, or the answer, may take. */
  readonly waitMs: number;
  /** Whether a good route is sent after the attack, to see that the session still works; not after half a message. */
  readonly marker: boolean;
  /** A few that stand for the rest: they run in CI. */
  readonly short: boolean;
}

/** Octets written to the wire in verdict order; with its defaults filled in and one case for each kind of peer. */
export interface CaseInput {
  id: string;
  title: string;
  rfc: string;
  from?: "internal" | "external" | "both";
  stage?: HostileCase["stage"];
  open?: Partial<Introduction>;
  needs?: HostileCase["needs"];
  attack: (ground: Ground) => readonly Step[] | Uint8Array;
  expect: Verdict | readonly Verdict[];
  family?: 4 | 6;
  waitMs?: number;
  marker?: boolean;
  short?: boolean;
}

/** A chapter of the catalogue. */
export const chapter = (group: string, inputs: readonly CaseInput[]): HostileCase[] =>
  inputs.flatMap((input) => {
    const kinds = input.from === "both" ? (["internal", "external"] as const) : [input.from ?? "internal"];
    return kinds.map((from) => ({
      id: input.from === "both" ? `${input.id}/${from === "internal" ? "ibgp" : "ebgp"}` : input.id,
      group,
      title: input.title,
      rfc: input.rfc,
      from,
      stage: input.stage ?? "established",
      ...(input.open && { open: input.open }),
      ...(input.needs && { needs: input.needs }),
      attack: (ground: Ground) => {
        const steps = input.attack(ground);
        return steps instanceof Uint8Array ? [steps] : steps;
      },
      expect: typeof input.expect === "string" ? [input.expect] : input.expect,
      family: input.family ?? 4,
      waitMs: input.waitMs ?? 3_000,
      marker: input.marker ?? true,
      short: input.short ?? false,
    }));
  });
