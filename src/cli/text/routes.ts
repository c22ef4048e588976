import { compareAddresses, tryParseAddress } from "../../lib/address.ts";
import { communityName, tryParseCommunity } from "../../lib/communities.ts";
import { escapeText } from "../../lib/escape.ts";
import type { PathRow, PolicyVerdict, RouteRow } from "../../view/model.ts";
import { type Cell, type Column, Table } from "./table.ts";

/** `peerage route`, `received` and `advertised`. */

export const routeLegend = "*> best  *= multipath  * valid  - not usable  x rejected  S stale\n";
/** Below it where such paths are shown. */
export const pathIdLegend =
  "(N) behind From: the ADD-PATH id by which the neighbor tells its paths of one prefix apart\n";

/** Marks in front of a path. */
export function marksOf(path: PathRow): string {
  const state = path.best ? "*>" : path.multipath ? "*=" : path.rejectedBy !== null ? "x " : path.valid ? "* " : "- ";
  return path.stale ? `${state}S` : state;
}

/** As people write it: a set in braces, a confederation's sequence in parentheses and its set in brackets. */
export const asPathWords = (asPath: PathRow["asPath"]): string[] =>
  asPath.map((as) => {
    if (typeof as === "number") return String(as);
    if (Array.isArray(as)) return `{${as.join(",")}}`;
    return "confed" in as ? `(${as.confed.join(" ")})` : `[${as.confedSet.join(",")}]`;
  });

/** AS_PATH with the origin behind. */
export function formatAsPath(path: Pick<PathRow, "asPath" | "origin">): string {
  return [...asPathWords(path.asPath), { igp: "i", egp: "e", incomplete: "?" }[path.origin]].join(" ");
}

export function routeColumns(withPolicy: boolean): readonly Column[] {
  const columns: Column[] = [
    { title: "" },
    { title: "Prefix" },
    { title: "Next hop" },
    { title: "From" },
    { title: "LocPref", align: "right" },
    { title: "MED", align: "right" },
    { title: "Path" },
  ];
  return withPolicy ? [...columns, { title: "Policy" }] : columns;
}

/** One line for each path; only the first says the prefix. */
export function routeCells(route: RouteRow, withPolicy: boolean): readonly (readonly Cell[])[] {
  return route.paths.map((path, i) => {
    const cells: Cell[] = [
      marksOf(path),
      i === 0 ? route.prefix : "",
      path.nextHop ?? "-",
      path.pathId === null ? path.from : `${path.from} (${path.pathId})`,
      path.localPref ?? "-",
      path.med ?? "-",
      formatAsPath(path),
    ];
    return withPolicy ? [...cells, path.policy ? formatVerdict(path.policy) : (path.rejectedBy ?? "")] : cells;
  });
}

/** "accept-blocks line 12: accept". */
export function formatVerdict({ verdict, name, line, reason }: PolicyVerdict): string {
  const place = line === null ? name : `${name} line ${line}`;
  return `${verdict === "accept" ? "accepted" : "rejected"} by ${place}${reason ? `: ${reason}` : ""}`;
}

/** A community of the JSON under its registered name, if it has one. */
const named = (text: string): string => {
  const community = tryParseCommunity(text);
  return community === undefined ? text : communityName(community);
};

/** A prefix with everything that is known of its paths. */
export function formatRouteDetail(route: RouteRow): string {
  const lines = [`${route.prefix}, ${route.paths.length} path${route.paths.length === 1 ? "" : "s"}`];
  for (const path of route.paths) {
    const id = path.pathId === null ? "" : `, path id ${path.pathId}`;
    lines.push(`  ${marksOf(path)} from ${escapeText(path.from)}${id}, next hop ${path.nextHop ?? "none"}`);
    const say = (label: string, values: readonly (string | number)[]) => {
      if (values.length > 0) lines.push(`     ${label}: ${escapeText(values.join(" "))}`);
    };
    const optional = (value: string | number | null) => (value === null ? [] : [value]);
    say("AS path", [formatAsPath(path)]);
    say("local-pref", optional(path.localPref));
    say("MED", optional(path.med));
    say("communities", path.communities.map(named));
    say("large communities", path.largeCommunities);
    say("extended communities", path.extendedCommunities);
    say("originator", optional(path.originatorId));
    say("cluster list", path.clusterList);
    const { aggregator } = path;
    say("aggregated by", aggregator === null ? [] : [`AS ${aggregator.as}`, aggregator.address]);
    say("atomic aggregate", path.atomicAggregate ? ["yes"] : []);
    say("only to customers, by AS", optional(path.onlyToCustomer));
    for (const { code, flags, value } of path.unknownAttributes)
      say(`unknown attribute ${code}`, [`flags 0x${flags.toString(16)},`, value === "" ? "empty" : value]);
    if (path.policy) say("policy", [formatVerdict(path.policy)]);
    else say("rejected by", optional(path.rejectedBy));
  }
  return `${lines.join("\n")}\n`;
}

/** IPv4 before IPv6, by address, the shorter prefix first. */
function comparePrefixes(a: { prefix: string }, b: { prefix: string }): number {
  const [left, leftLength] = split(a.prefix);
  const [right, rightLength] = split(b.prefix);
  return compareAddresses(left, right) || leftLength - rightLength;
}

function split(prefix: string): [readonly number[], number] {
  const slash = prefix.indexOf("/");
  return [tryParseAddress(prefix.slice(0, slash)) ?? [], Number(prefix.slice(slash + 1))];
}

/** Rows that are sorted and measured before the first is shown; above that they come in the order of the daemon's table. */
const SORTED_ROWS = 20_000;

/** Writes rows as a table, the first of them sorted. */
export async function writeTable<R extends { prefix: string }>(
  rows: AsyncIterable<R>,
  columns: readonly Column[],
  cellsOf: (row: R) => readonly (readonly Cell[])[],
  out: (text: string) => Promise<void>,
): Promise<number> {
  const table = new Table(columns);
  let waiting: R[] = [];
  let shown = false;
  let count = 0;
  const flush = async () => {
    if (!shown) waiting.sort(comparePrefixes);
    if (waiting.length > 0) await out(table.format(waiting.flatMap(cellsOf), !shown));
    shown = true;
    waiting = [];
  };
  for await (const row of rows) {
    count++;
    waiting.push(row);
    if (waiting.length >= (shown ? 1000 : SORTED_ROWS)) await flush();
  }
  if (waiting.length > 0) await flush();
  return count;
}
