import { parseArgs } from "node:util";
import type { TableShape } from "./load/table.ts";
import type { Variant } from "./result.ts";
import { type Scale, type Workload, workloads } from "./workloads/workloads.ts";

/** What the command line asks for. */
export interface Options {
  readonly workload: Workload;
  readonly scale: Scale;
  readonly table: TableShape;
  readonly variant: Variant;
  readonly peers: readonly string[];
  readonly ours: boolean;
  readonly floor: boolean;
  readonly runs: number;
  readonly save: boolean;
  readonly nodeFlags: readonly string[];
  readonly wrapper: readonly string[];
}

export const PEERS = ["bird", "frr", "gobgp", "openbgpd"];
/** `frr0` is FRR with coalesce-time 0 alone. */
const KNOWN = [...PEERS, "frr0"];

export const usage = `npm run bench -- WORKLOAD [options]

  WORKLOAD          ${workloads.map((w) => w.name).join(", ")};
                    scaling: mesh against reflectors for growing N (--only PART,PART; --from N; --up-to N); fib and wire: parts of the daemon alone;
                    all: the whole series, one after the other (--list shows it); report: writes the documents from bench/results/
  --peers LIST      which of ${PEERS.join(",")} to measure beside (default all; "none"); frr0 is FRR with coalesce-time 0 alone
  --ours            Peerage alone: no peers, no floor
  --no-ours         the peers and the floor alone
  --no-floor        without the bare relay
  --runs N          rounds; the median counts (default 3)
  --routes N --clients N --feeders N --late N --groups N --slow N --bursts N --burst-routes N --idle SECONDS
                    the scale (the defaults are the figures of docs/performance.md)
  --seed N          another table (default 1)
  --lengths flat    another distribution of prefix lengths
  --family 6        IPv6 instead of IPv4
  --add-path        all paths to every client (RFC 7911)
  --policy N        an import policy of N statements
  --timeout SECONDS after which a daemon counts as not done (default 180)
  --node-flag FLAG  for Peerage's node, e.g. --node-flag=--cpu-prof (repeatable)
  --under COMMAND   to run Peerage under, e.g. --under="perf record -g -o /tmp/perf.data"
  --no-save         keep nothing in bench/results/`;

export class UsageError extends Error {}

/** @throws UsageError, with words for whoever typed it. */
export function parseOptions(argv: readonly string[]): Options {
  try {
    return optionsOf(argv);
  } catch (error) {
    throw error instanceof UsageError
      ? error
      : new UsageError(`${error instanceof Error ? error.message : error}\n\n${usage}`);
  }
}

function optionsOf(argv: readonly string[]): Options {
  const number = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      peers: { type: "string" },
      ours: flag,
      "no-ours": flag,
      "no-floor": flag,
      "no-save": flag,
      runs: number,
      routes: number,
      clients: number,
      feeders: number,
      late: number,
      groups: number,
      slow: number,
      bursts: number,
      "burst-routes": number,
      idle: number,
      seed: number,
      lengths: { type: "string" },
      family: number,
      "add-path": flag,
      policy: number,
      timeout: number,
      "node-flag": { type: "string", multiple: true },
      under: { type: "string" },
    },
  });
  const workload = workloads.find((w) => w.name === positionals[0]);
  if (!workload) throw new UsageError(usage);
  const amount = (text: string | undefined, otherwise: number): number => {
    if (text === undefined) return otherwise;
    const value = Number(text.replaceAll("_", "").replace(/k$/, "000").replace(/M$/, "000000"));
    if (!Number.isSafeInteger(value) || value < 0) throw new UsageError(`not a number: ${text}`);
    return value;
  };
  const scale: Scale = {
    routes: amount(values.routes, workload.scale.routes),
    clients: amount(values.clients, workload.scale.clients),
    feeders: amount(values.feeders, workload.scale.feeders),
    lateClients: amount(values.late, workload.scale.lateClients),
    groups: amount(values.groups, workload.scale.groups),
    slowClients: amount(values.slow, workload.scale.slowClients),
    bursts: amount(values.bursts, workload.scale.bursts),
    burstRoutes: amount(values["burst-routes"], workload.scale.burstRoutes),
    idleSeconds: amount(values.idle, workload.scale.idleSeconds),
    timeoutSeconds: amount(values.timeout, workload.scale.timeoutSeconds),
    holdTimeSeconds: workload.scale.holdTimeSeconds,
  };
  const peers = values.ours || values.peers === "none" ? [] : (values.peers?.split(",") ?? PEERS);
  const unknown = peers.find((peer) => !KNOWN.includes(peer));
  if (unknown !== undefined) throw new UsageError(`--peers: "${unknown}" is none of ${KNOWN.join(", ")}`);
  return {
    workload,
    scale,
    table: {
      routes: scale.routes,
      family: values.family === "6" ? 6 : 4,
      seed: amount(values.seed, 1),
      lengths: values.lengths === "flat" ? "flat" : "internet",
    },
    variant: { addPath: values["add-path"] ?? false, policyStatements: amount(values.policy, 0) },
    peers,
    ours: !values["no-ours"],
    floor: !values.ours && !values["no-floor"],
    runs: amount(values.runs, 3),
    save: !values["no-save"],
    nodeFlags: values["node-flag"] ?? [],
    wrapper: values.under?.split(" ") ?? [],
  };
}
