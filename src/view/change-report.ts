import type { ConfigDiff, FieldChange } from "../config/diff.ts";
import type { ConfigWarning } from "../config/model.ts";
import type { ChangeReport, NeighborChange } from "./model.ts";

/** A difference between two configurations in words, for `peerage diff`, `peerage reload` and the log. */
export function changeReport(diff: ConfigDiff, warnings: readonly ConfigWarning[]): ChangeReport {
  const prefixes = (entries: readonly { prefix: string }[], verb: string) =>
    entries.map((entry) => `own prefix ${entry.prefix} ${verb}`);
  return {
    router: diff.router.map(
      (change) => `${inWords(change)}${change.effect === "restart" ? " (restarts every session)" : ""}`,
    ),
    neighbors: [...diff.neighbors, ...diff.ranges].map(
      ({ key, kind, changes }): NeighborChange => ({ address: key, change: kind, reasons: changes.map(inWords) }),
    ),
    others: [
      ...prefixes(diff.originate.added, "added"),
      ...prefixes(diff.originate.removed, "removed"),
      ...prefixes(diff.originate.changed, "changed"),
      ...[...diff.policies].map((name) => `policy ${name} changed`),
      ...diff.sections.map(inWords),
    ],
    warnings: warnings.map(({ place, message }) => `${place.file}:${place.line}:${place.column}: ${message}`),
    unchangedNeighbors: diff.unchangedNeighbors,
  };
}

const inWords = ({ field, from, to, effect }: FieldChange): string =>
  `${field}: ${from} -> ${to}${effect === "start" ? " (from the next start of the daemon on)" : ""}`;
