import type { Told } from "../../testbed/speaker/heard-routes.ts";

/** What came of a case, in the words of the verdicts, and what went wrong around it. */
export interface Outcome {
  /** As in `Verdict`, or "stuck" (the session stands and nothing moves), "overreach" (routes that were not meant are gone), "n/a". */
  readonly seen: string;
  /** The target as the witness has it. */
  readonly told: Told | null;
  /** The daemon has ended, or answers nobody any more. */
  readonly died: boolean;
  /** What it said when it died. */
  readonly lastWords: string;
  /** Sessions besides the attacker's that ended. */
  readonly touched: readonly string[];
  /** Routes of others that were withdrawn somewhere meanwhile. */
  readonly lostRoutes: number;
  readonly milliseconds: number;
}

export type Mark = "letter" | "wrong" | "touched" | "died" | "n/a";

/** Whether the RFC was kept to; worse things outweigh that. */
export function markOf(outcome: Outcome, expect: readonly string[]): Mark {
  if (outcome.died) return "died";
  if (outcome.touched.length > 0 || outcome.lostRoutes > 0) return "touched";
  if (outcome.seen === "n/a") return "n/a";
  return expect.some((verdict) => agrees(outcome, verdict)) ? "letter" : "wrong";
}

const lasting = ["withdraw", "taken", "kept", "up"];

function agrees({ seen, told }: Outcome, verdict: string): boolean {
  const [kind, detail, data] = verdict.split(" ");
  const [seenKind, seenDetail, seenData = ""] = seen.split(" ");
  switch (kind) {
    case "reset": {
      if (seenKind !== "reset") return false;
      if (detail === "*") return true;
      const [code, subcode] = detail!.split("/");
      const [seenCode, seenSubcode] = seenDetail!.split("/");
      return code === seenCode && (subcode === "*" || subcode === seenSubcode) && (data ?? seenData) === seenData;
    }
    case "alive":
      return lasting.includes(seenKind!);
    case "taken": {
      if (seenKind !== "taken" || told === null) return false;
      if (detail === undefined) return true;
      const attribute = told.get(Number(detail.slice(1)));
      if (detail.startsWith("-")) return attribute === undefined;
      return attribute !== undefined && (attribute.flags & 0xe0) === 0xe0;
    }
    default:
      return seenKind === kind;
  }
}
