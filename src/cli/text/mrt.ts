import { formatIpv4, formatPrefix } from "../../lib/address.ts";
import { escapedJson, escapeText } from "../../lib/escape.ts";
import { familyName } from "../../lib/family.ts";
import { type MrtItem, type MrtPeer, type MrtPrefix, type PathAttributes, stateName } from "../../mrt/record.ts";
import { attributeColumns } from "../../view/path-row.ts";
import { asPathWords } from "./routes.ts";

/** Records as lines: the columns of `bgpdump -m`, which scripts read, or one JSON object each with the fields of `route`. */

/** ISO 8601 with as much of a second as the file has. */
const instant = ({ seconds, microseconds }: MrtItem): string => {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return microseconds === 0 ? `${whole}Z` : `${whole}.${String(microseconds).padStart(6, "0")}Z`;
};

const nextHopWords = (attributes: PathAttributes): readonly number[] => attributes.nextHop?.words ?? [];

/** What a path of `route --json` says, as far as a file knows it. */
function pathRow(from: MrtPeer, pathId: number | null, attributes: PathAttributes) {
  return {
    from: from.address,
    remoteAs: from.as,
    pathId,
    ...attributeColumns(attributes, nextHopWords(attributes), false),
  };
}

/** One object for a record: `at`, `type` and what the type has. */
export function jsonOf(item: MrtItem): string {
  const at = instant(item);
  const line = (fields: object) => `${escapedJson({ at, ...fields })}\n`;
  switch (item.kind) {
    case "route":
      return line({
        type: "route",
        prefix: formatPrefix(item.prefix),
        paths: item.paths.map(({ peer, pathId, originatedAt, attributes }) => ({
          ...pathRow(peer, pathId, attributes),
          since: new Date(originatedAt * 1000).toISOString(),
        })),
      });
    case "update":
      return line({
        type: "update",
        from: item.peer.address,
        remoteAs: item.peer.as,
        direction: item.sent ? "sent" : "received",
        routes: item.announced.flatMap(({ prefixes, attributes }) =>
          prefixes.map((prefix) => ({
            prefix: formatPrefix(prefix),
            paths: [pathRow(item.peer, prefix.pathId, attributes)],
          })),
        ),
        withdrawn: item.withdrawn.map((prefix) => ({ prefix: formatPrefix(prefix), pathId: prefix.pathId })),
        endOfRib: item.endOfRib === null ? null : familyName(item.endOfRib),
      });
    case "state":
      return line({
        type: "session",
        address: item.peer.address,
        remoteAs: item.peer.as,
        from: stateName(item.before),
        to: stateName(item.after),
      });
    case "message": {
      const { peer, sent, name, text } = item;
      const direction = sent ? "sent" : "received";
      return line({ type: "message", from: peer.address, remoteAs: peer.as, direction, name, text });
    }
    case "peers":
      return line({
        type: "peers",
        collectorId: formatIpv4(item.collectorId),
        viewName: item.viewName,
        peers: item.peers.map(({ address, as, routerId }) => ({
          address,
          remoteAs: as,
          remoteRouterId: formatIpv4(routerId),
        })),
      });
    case "other":
      return line({ type: "other", what: item.what });
  }
}

/** The lines of `bgpdump -m` for a record; "" where it has none. */
export function textOf(item: MrtItem): string {
  const { seconds } = item;
  switch (item.kind) {
    case "route":
      return item.paths
        .map(({ peer, attributes, pathId }) =>
          announcement(item.format, seconds, "B", peer, { ...item.prefix, pathId }, attributes),
        )
        .join("");
    case "update": {
      const { peer, withdrawn, announced } = item;
      const gone = withdrawn.map((prefix) => row(["BGP4MP", seconds, "W", peer.address, peer.as, withId(prefix)]));
      const there = announced.flatMap(({ prefixes, attributes }) =>
        prefixes.map((prefix) => announcement("BGP4MP", seconds, "A", peer, prefix, attributes)),
      );
      return [...gone, ...there].join("");
    }
    case "state":
      return row(["BGP4MP", seconds, "STATE", item.peer.address, item.peer.as, item.before, item.after]);
    case "message":
      return row(["BGP4MP", seconds, item.name, item.peer.address, item.peer.as, escapeText(item.text)]);
    case "peers":
    case "other":
      return "";
  }
}

const row = (cells: readonly (string | number)[]): string => `${cells.join("|")}\n`;

/** Paths of one prefix are told apart as the other program does it: "10.0.0.0/8 7". */
const withId = (prefix: MrtPrefix): string =>
  prefix.pathId === null ? formatPrefix(prefix) : `${formatPrefix(prefix)} ${prefix.pathId}`;

function announcement(
  format: string,
  seconds: number,
  kind: "A" | "B",
  peer: MrtPeer,
  prefix: MrtPrefix,
  attributes: PathAttributes,
): string {
  const columns = attributeColumns(attributes, nextHopWords(attributes), false);
  const { aggregator } = attributes;
  return row([
    format,
    seconds,
    kind,
    peer.address,
    peer.as,
    withId(prefix),
    asPathWords(columns.asPath).join(" "),
    columns.origin.toUpperCase(),
    columns.nextHop ?? "",
    columns.localPref ?? 0,
    columns.med ?? 0,
    columns.communities.join(" "),
    attributes.atomicAggregate ? "AG" : "NAG",
    aggregator === null ? "" : `${aggregator.as} ${formatIpv4(aggregator.address)}`,
    // The other program's lines end here.
    columns.largeCommunities.join(" "),
  ]);
}
