import type { FibRow, Summary } from "../view/model.ts";
import type { HostPlan } from "./plan.ts";

/** What a host answered; null: not yet, or no longer. */
export interface HostState {
  readonly host: HostPlan;
  readonly summary: Summary | null;
  readonly fib: readonly FibRow[] | null;
}

/** A kernel route in the form of `ip route`, as the lectures print it. */
export function routeLine({ prefix, type, nextHops, protocol, state }: FibRow): string {
  const tail = state === "installed" ? "" : `   [${state}]`;
  if (type === "blackhole") return `blackhole ${prefix} proto ${protocol}${tail}`;
  const via = nextHops.map(
    ({ via, dev, onlink }) => `${via === null ? "" : `via ${via} `}dev ${dev}${onlink ? " onlink" : ""}`,
  );
  const [first = "", ...more] = via;
  const onlink = first.endsWith(" onlink");
  const head = onlink ? first.slice(0, -" onlink".length) : first;
  const line = `${prefix} ${head} proto ${protocol}${onlink ? " onlink" : ""}${tail}`;
  return more.length === 0
    ? line
    : `${prefix} proto ${protocol}${tail} ${via.map((hop) => `nexthop ${hop}`).join(" ")}`;
}

const title = ({ name, role, address, block }: HostPlan, summary: Summary | null): string => {
  const as = summary === null ? "" : ` AS ${summary.router.as}`;
  return `${name} (${role}, ${address}${as}${block === null ? "" : `, owns ${block}`})`;
};

/** Every session of the lab in one block, then per host the routes that it learned. */
export function renderLab(states: readonly HostState[]): string {
  const lines: string[] = [];
  for (const { host, summary, fib } of states) {
    lines.push(title(host, summary));
    if (summary === null) {
      lines.push("  not up yet");
      continue;
    }
    for (const { address, state, prefixes, description, dynamic } of summary.neighbors) {
      const mark = state === "Established" ? "+" : "-";
      const counts = state === "Established" ? `  ${prefixes.received} in, ${prefixes.advertised} out` : "";
      lines.push(
        `  ${mark} ${address.padEnd(17)} ${state}${counts}${dynamic ? "  (dynamic)" : description && `  ${description}`}`,
      );
    }
    for (const row of [...(fib ?? [])].sort(byPrefix)) lines.push(`      ${routeLine(row)}`);
  }
  return lines.join("\n");
}

const numbersOf = (prefix: string): number[] => prefix.split(/[./]/).map(Number);

function byPrefix(a: FibRow, b: FibRow): number {
  const [left, right] = [numbersOf(a.prefix), numbersOf(b.prefix)];
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return left[i]! - (right[i] ?? 0);
  return 0;
}

/** Facts worth a line of their own when they change. Between which states a session that is down tries again is none. */
export function factsOf(states: readonly HostState[]): Map<string, string> {
  const facts = new Map<string, string>();
  for (const { host, summary, fib } of states) {
    for (const { address, state } of summary?.neighbors ?? [])
      facts.set(`${host.name}: session with ${address}`, state === "Established" ? state : "down");
    for (const row of fib ?? []) facts.set(`${host.name}: ${row.prefix}`, routeLine(row));
  }
  return facts;
}

/** "a-1: + 172.17.9.0/24 via ...": a route's line has its prefix in it already. */
function withSign(fact: string, sign: "+" | "-", value: string): string {
  const [host, what] = fact.split(": ") as [string, string];
  return `${host}: ${sign} ${value.includes(what) ? value : `${what} ${value}`}`;
}

/** One line per fact that came, changed or went. */
export function changedFacts(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const lines: string[] = [];
  for (const [fact, now] of after) {
    const then = before.get(fact);
    if (then === undefined) lines.push(withSign(fact, "+", now));
    else if (then !== now) lines.push(`${fact}  ${then} -> ${now}`);
  }
  for (const [fact, then] of before) if (!after.has(fact)) lines.push(withSign(fact, "-", then));
  return lines;
}
