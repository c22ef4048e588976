import type { ConfigDiff, FieldChange } from "../config/diff.ts";
import type { ConfigWarning } from "../config/model.ts";
import type { ChangeReport, NeighborChange } from "./model.ts";

/** A difference between two configurations in words, for `peerage diff` and `peerage reload`. */
export function changeReport(diff: ConfigDiff, warnings: readonly ConfigWarning[]): ChangeReport {
  return {
    router: diff.router.map(ofRouter),
    neighbors: [...diff.neighbors, ...diff.ranges].map(
      ({ key, kind, changes }): NeighborChange => ({ address: key, change: kind, reasons: changes.map(inWords) }),
    ),
    others: [...routesAndPolicies(diff), ...diff.sections.map(inWords)],
    warnings: warnings.map(({ place, message }) => `${place.file}:${place.line}:${place.column}: ${message}`),
    unchangedNeighbors: diff.unchangedNeighbors,
  };
}

/** The same for the log, a line for each change; what waits for the next start is a warning, at each reload anew. */
export function* changeLines(diff: ConfigDiff): Generator<{ readonly level: "info" | "warn"; readonly text: string }> {
  const info = (text: string) => ({ level: "info", text }) as const;
  const field = (change: FieldChange, words: (change: FieldChange) => string) =>
    change.effect === "start"
      ? ({
          level: "warn",
          text: `${change.field} stays ${change.from} until the daemon starts again, then it is ${change.to}`,
        } as const)
      : info(words(change));
  for (const change of diff.router) yield field(change, ofRouter);
  for (const { key, kind, changes } of [...diff.neighbors, ...diff.ranges])
    yield info(
      [`${kindOf(key)} ${key} ${changeVerbs[kind]}`, changes.map(inWords).join("; ")].filter(Boolean).join(": "),
    );
  yield* routesAndPolicies(diff).map(info);
  for (const change of diff.sections) yield field(change, inWords);
}

/** What the key of a change is: an address, or the range of dynamic neighbors. */
export const kindOf = (key: string): string => (key.includes("/") ? "range" : "neighbor");

/** What becomes of a neighbor, or of a range. */
export const changeVerbs: Readonly<Record<NeighborChange["change"], string>> = {
  added: "is new",
  removed: "is removed",
  restart: "restarts",
  soft: "changes, its session isn't ended",
};

function routesAndPolicies({ originate, policies }: ConfigDiff): string[] {
  const prefixes = (entries: readonly { prefix: string }[], verb: string) =>
    entries.map((entry) => `own prefix ${entry.prefix} ${verb}`);
  return [
    ...prefixes(originate.added, "added"),
    ...prefixes(originate.removed, "removed"),
    ...prefixes(originate.changed, "changed"),
    ...[...policies].map((name) => `policy ${name} changed`),
  ];
}

const ofRouter = (change: FieldChange): string =>
  `${inWords(change)}${change.effect === "restart" ? " (restarts every session)" : ""}`;

const inWords = ({ field, from, to, effect }: FieldChange): string =>
  `${field}: ${from} -> ${to}${effect === "start" ? " (from the next start of the daemon on)" : ""}`;
