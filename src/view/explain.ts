import { explain as explainExport } from "../export/views.ts";
import type { FibPort } from "../fib/fib-port.ts";
import { addressFamily, formatAddress, type Prefix } from "../lib/address.ts";
import { familyName } from "../lib/family.ts";
import { prefixAt } from "../lib/prefix-words.ts";
import { foreignRoute } from "../lib/route-owner.ts";
import type { RouteTable } from "../rib/route-table.ts";
import { LOCAL_SOURCE } from "../rib/source-table.ts";
import type { SpeakerState } from "../speaker/speaker-state.ts";
import { fibRow } from "./fib-row.ts";
import type { ExplainedAdvertisement, ExplainedPath, Explanation } from "./model.ts";
import { peersInOrder } from "./neighbors.ts";
import { importVerdict, pathRows, pathSlices, prefixAsked, prefixText } from "./routes.ts";
import type { PrefixQuestion } from "./view-port.ts";

/** Peers whose part of an explanation is made in one slice. */
const SLICE = 64;

/** The whole way of a prefix through this speaker, in the order in which it goes; in slices, as there may be many paths and peers. */
export function* explain(speaker: SpeakerState, question: PrefixQuestion): Generator<undefined, Explanation> {
  const table = speaker.tables.byFamily[question.family]!;
  const id = prefixAsked(table, question);
  const empty: Explanation = {
    prefix: question.text,
    question: question.text,
    received: [],
    decision: { best: null, text: speaker.restart.explain(question.family) ?? "nobody has announced it" },
    nextHop: null,
    kernel: kernelOf(speaker.kernel.fib, question),
    advertised: [],
  };
  if (id === 0) return empty;
  // Between two slices the id must not come to stand for another prefix.
  table.prefixes.retain(id);
  try {
    const best = table.best(id);
    const deferred = speaker.restart.explain(question.family);
    const decision = deferred === null ? decisionOf(speaker, table, id, best) : { best: null, text: deferred };
    const nextHop = nextHopOf(speaker, table, best);
    const kernel = keptOut(speaker, table, id, best) ?? kernelOf(speaker.kernel.fib, prefixAt(table.prefixes, id));
    const received = yield* receivedOf(speaker, table, id, deferred !== null);
    const advertised = best === 0 ? [] : yield* advertisedOf(speaker, table, id);
    return { prefix: prefixText(table, id), question: question.text, received, decision, nextHop, kernel, advertised };
  } finally {
    table.prefixes.release(id);
  }
}

function* receivedOf(
  speaker: SpeakerState,
  table: RouteTable,
  id: number,
  deferred: boolean,
): Generator<undefined, ExplainedPath[]> {
  const lost = new Map(table.explain(id).map(({ candidate, text }) => [candidate.path, text]));
  const explained: ExplainedPath[] = [];
  for (const paths of pathSlices(table, id)) {
    if (explained.length > 0) yield;
    for (const [index, row] of pathRows(speaker, table, id, paths).entries())
      explained.push({
        ...row,
        policy: importVerdict(speaker, table, paths[index]!),
        lostAt: deferred || row.best || row.rejectedBy !== null ? null : lostAt(speaker, table, paths[index]!, lost),
      });
  }
  return explained;
}

/** The step at which a path lost; where its next hop is unreachable, why. */
function lostAt(
  speaker: SpeakerState,
  table: RouteTable,
  path: number,
  lost: ReadonlyMap<number, string | null>,
): string | null {
  const text = lost.get(path) ?? null;
  const nextHop = speaker.tables.store.nextHop[table.pathAttributes(path)]!;
  const { nextHops } = speaker.kernel;
  return nextHop === 0 || nextHops.reachable[nextHop] === 1 ? text : wayTo(speaker, nextHop);
}

function decisionOf(speaker: SpeakerState, table: RouteTable, id: number, best: number): Explanation["decision"] {
  if (best === 0) return { best: null, text: "no path is usable: each was rejected or has no reachable next hop" };
  const source = table.pathSource(best);
  const from = source === LOCAL_SOURCE ? "self" : (speaker.tables.sources.info(source)?.peer ?? "unknown");
  const candidates = table.explain(id);
  const runnerUp = candidates.find(({ candidate, lostAt }) => candidate.path !== best && lostAt !== null);
  return {
    best: from,
    text: runnerUp ? `${runnerUp.lostAt}: ${runnerUp.text}` : "it is the only usable path",
  };
}

function nextHopOf(speaker: SpeakerState, table: RouteTable, best: number): Explanation["nextHop"] {
  if (best === 0 || table.pathSource(best) === LOCAL_SOURCE) return null;
  const nextHop = speaker.tables.store.nextHop[table.pathAttributes(best)]!;
  if (nextHop === 0) return null;
  const hop = speaker.kernel.nextHops.hops(nextHop)[0];
  const reachable = speaker.kernel.nextHops.reachable[nextHop] === 1;
  return {
    address: formatAddress(speaker.kernel.nextHops.words(nextHop)),
    reachable,
    metric: reachable ? speaker.kernel.nextHops.metric[nextHop]! : null,
    via: hop?.via ? formatAddress(hop.via) : null,
    dev: hop ? speaker.kernel.linkName(hop.ifindex) : null,
    text: speaker.kernel.nextHops.explain(nextHop),
  };
}

/** A learned route that is kept from the kernel on purpose. */
function keptOut(speaker: SpeakerState, table: RouteTable, id: number, best: number): Explanation["kernel"] {
  const { fib } = speaker.config.kernel;
  if (best === 0 || table.pathSource(best) === LOCAL_SOURCE || fib === "none") return null;
  const because = (text: string) => ({ intended: null, state: "absent" as const, text: `it is kept out: ${text}` });
  const { nextHops } = speaker.kernel;
  const nextHop = speaker.tables.store.nextHop[table.pathAttributes(best)]!;
  if (nextHops.marks(nextHop)?.install === false) return because("a policy says so (install: false)");
  const subnet = speaker.kernel.guard(table, id);
  if (subnet !== null) return because(`it would override the underlay ${subnet}`);
  if (fib === "kernel" && nextHops.isHere(nextHop)) return because("its next hop is this machine");
  return null;
}

/** How a next hop resolves, in words; where it doesn't although one of our own routes leads there, that this is no help. */
function wayTo(speaker: SpeakerState, nextHop: number): string {
  const { nextHops } = speaker.kernel;
  const text = nextHops.explain(nextHop);
  const { reason } = nextHops.resolution(nextHop);
  if (reason !== "no-route" && reason !== "default-only") return text;
  const words = nextHops.words(nextHop);
  const { byFamily } = speaker.tables;
  const table = byFamily[addressFamily(words)]!;
  const id = table.prefixes.longestMatch(words, 32 * words.length, (candidate) => table.best(candidate) !== 0);
  if (id === 0) return text;
  return `${text}. A BGP route does, ${prefixText(table, id)}; next hops aren't resolved through BGP routes`;
}

function kernelOf(fib: FibPort, prefix: Prefix): Explanation["kernel"] {
  const row = fib.row(prefix);
  if (row === undefined) return null;
  const text = {
    installed: "the kernel holds it as intended",
    pending: fib.writerTrouble === null ? "it waits to be written" : `it waits to be written: ${fib.writerTrouble}`,
    failed: `the kernel refused it: ${row.error ?? "unknown reason"}`,
    overridden: `${foreignRoute(row.owner)} is in its place and is left alone`,
  }[row.state];
  const contested = row.contested === undefined ? "" : `; ${row.contested}`;
  return { intended: fibRow(row, fib.writerTrouble), state: row.state, text: `${text}${contested}` };
}

/** To whom it is advertised, or why not. */
function* advertisedOf(
  speaker: SpeakerState,
  table: RouteTable,
  id: number,
): Generator<undefined, ExplainedAdvertisement[]> {
  const rows: ExplainedAdvertisement[] = [];
  for (const [index, peer] of peersInOrder(speaker).entries()) {
    if (index % SLICE === SLICE - 1) yield;
    const base = { address: peer.address, description: peer.settings.description, nextHop: null };
    const membership = peer.membership(table.family);
    if (membership === undefined) {
      const { state } = peer.session;
      const reason =
        state === "Established" ? `the session doesn't carry ${familyName(table.family)}` : `the session is ${state}`;
      rows.push({ ...base, sent: false, reason });
      continue;
    }
    for (const { sent, reason, policy, attributes } of explainExport(membership.group, membership.member, id)) {
      const nextHop = attributes?.nextHop ? formatAddress(attributes.nextHop.words) : null;
      // What holds without a policy need not be said of every internal peer.
      const said = policy === null || peer.settings.exportPolicy === null ? reason : `${policy}; ${reason}`;
      rows.push({ ...base, sent, reason: said, nextHop });
    }
  }
  return rows;
}
