import { families } from "../lib/family.ts";
import type { SpeakerState } from "../speaker/speaker-state.ts";
import type { Readiness } from "./model.ts";

/** What readiness is judged by. */
export interface ReadinessFacts {
  /** Sockets listen. */
  readonly listening: boolean;
  /** The start was over once: see `StartOver`. */
  readonly startOver: boolean;
  /** What holds selection back, in words; one for each family that is deferred. */
  readonly deferred: readonly string[];
  /** Prefixes that wait for a decision. */
  readonly undecided: number;
  /** Neighbors that are up and weren't told their first table to its end. */
  readonly untold: readonly string[];
  /** Neighbors that were told it, and to whom something newer is on its way. */
  readonly behind: readonly string[];
  /** Kernel changes that wait to be written, or to be answered. */
  readonly kernelWaiting: number;
  /** The kernel writer hangs, in words. */
  readonly writer: string | null;
  /** Restarting neighbors for whose sake kernel routes of before stay. */
  readonly keepingFor: readonly string[];
  /** Neighbors that are down, each with its reason. */
  readonly down: readonly string[];
  readonly changes: number;
}

/** Neighbors that a line names before it counts the rest. */
const NAMED = 5;
/** Lines about neighbors that are down. */
const DOWN_LINES = 20;

/** Reasons are what this daemon can still come to by itself; what it can't help is a warning, and never a reason. */
export function judge(facts: ReadinessFacts): Readiness {
  const reasons: string[] = [];
  const writer = facts.writer === null ? null : waiting(facts.writer, facts.kernelWaiting);
  if (writer !== null) reasons.push(writer);
  if (!facts.listening) reasons.push("the daemon is still starting");
  else {
    reasons.push(...new Set(facts.deferred));
    if (facts.undecided > 0) reasons.push(`${plural(facts.undecided, "prefix", "prefixes")} not decided yet`);
    if (facts.untold.length > 0 && facts.deferred.length === 0)
      reasons.push(`not all routes have been told to ${some(facts.untold)} yet`);
    if (facts.kernelWaiting > 0 && facts.writer === null)
      reasons.push(`${plural(facts.kernelWaiting, "kernel change")} not answered yet`);
    if (reasons.length === 0 && !facts.startOver) reasons.push("the first kernel routes are not answered yet");
  }
  const pending = [...reasons];
  if (facts.behind.length > 0) pending.push(`news is on its way to ${some(facts.behind)}`);
  const warnings: string[] = [];
  if (facts.keepingFor.length > 0) {
    const kept = `kernel routes of before the restart stay until ${some(facts.keepingFor)} told all routes`;
    pending.push(kept);
    warnings.push(kept);
  }
  warnings.push(...facts.down.slice(0, DOWN_LINES).map((text) => `neighbor ${text}`));
  if (facts.down.length > DOWN_LINES) warnings.push(`${facts.down.length - DOWN_LINES} more neighbors are down`);
  return { ready: facts.startOver, reasons, pending, warnings, writer, changes: facts.changes };
}

const waiting = (trouble: string, changes: number): string =>
  changes === 0 ? trouble : `${trouble}; ${plural(changes, "change")} ${changes === 1 ? "waits" : "wait"} for it`;

const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

function some(names: readonly string[]): string {
  if (names.length <= NAMED) return names.join(", ");
  return `${names.slice(0, NAMED).join(", ")} and ${names.length - NAMED} more`;
}

/** How a running speaker stands now. */
export function readinessOf(speaker: SpeakerState): Readiness {
  const { restart, startOver, kernel, tables } = speaker;
  const { counters, writerTrouble } = kernel.fib;
  const { operations } = counters;
  const down: string[] = [];
  const behind: string[] = [];
  let messages = 0;
  for (const peer of speaker.peers) {
    const { session, live } = peer;
    if (live === null) {
      // Who comes by himself is missing to nobody before he came once.
      const reason = session.lastDown?.text ?? session.lastError?.text;
      if (!peer.identity.dynamic)
        down.push(`${peer.address} is ${session.state}${reason === undefined ? "" : `: ${reason}`}`);
      continue;
    }
    messages += session.counters.received[UPDATE]! + session.counters.sent[UPDATE]!;
    if (live.memberships.some((place) => place !== undefined && !place.group.isCurrent(place.member)))
      behind.push(peer.address);
  }
  const untold = startOver.untold.map(({ address }) => address);
  const done = Object.values(operations).reduce((sum, { ok, failed, overridden }) => sum + ok + failed + overridden, 0);
  return judge({
    listening: startOver.begun,
    startOver: startOver.reached,
    deferred: families.flatMap((family) => {
      const text = restart.explain(family);
      return text === null ? [] : [text];
    }),
    undecided: tables.rib.pending,
    untold,
    behind: behind.filter((address) => !untold.includes(address)),
    kernelWaiting: counters.queued + counters.unanswered,
    writer: writerTrouble,
    keepingFor: restart.keepingFor,
    down,
    changes: tables.byFamily.reduce((sum, { version }) => sum + version, 0) + done + messages,
  });
}

/** The message type's number, which counters are indexed by. */
const UPDATE = 2;
