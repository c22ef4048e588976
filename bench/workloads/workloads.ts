import type { LoadSpec, LoadWorkload } from "../load/spec.ts";

/** What a workload is run with unless the command line says otherwise. */
export interface Workload {
  readonly name: LoadWorkload;
  /** One line for the table's head. */
  title(scale: Scale): string;
  readonly scale: Scale;
}

/** All that can be turned from the command line. */
export type Scale = Pick<
  LoadSpec,
  | "feeders"
  | "clients"
  | "groups"
  | "lateClients"
  | "slowClients"
  | "bursts"
  | "burstRoutes"
  | "idleSeconds"
  | "timeoutSeconds"
  | "holdTimeSeconds"
> & { readonly routes: number };

const none: Scale = {
  routes: 0,
  feeders: 1,
  clients: 0,
  groups: 1,
  lateClients: 0,
  slowClients: 0,
  bursts: 0,
  burstRoutes: 0,
  idleSeconds: 0,
  timeoutSeconds: 180,
  holdTimeSeconds: 90,
};

const thousands = (n: number): string => (n >= 1e6 ? `${n / 1e6}M` : n >= 10_000 ? `${n / 1000}k` : String(n));

export const workloads: readonly Workload[] = [
  {
    name: "reflect",
    scale: { ...none, routes: 100_000, clients: 100 },
    title: (s) => `reflect: ${thousands(s.routes)} routes of one feeder to ${s.clients} clients`,
  },
  {
    name: "rack",
    scale: { ...none, routes: 1600, clients: 400 },
    title: (s) => `rack: ${s.clients} nodes with ${s.routes / s.clients} routes each, connecting 1 ms apart`,
  },
  {
    name: "churn",
    scale: { ...none, routes: 100_000, clients: 100, bursts: 10, burstRoutes: 1000 },
    title: (s) =>
      `churn: ${s.bursts} bursts of ${s.burstRoutes} routes withdrawn and announced again, table of ${thousands(s.routes)}, ${s.clients} clients`,
  },
  {
    name: "late",
    scale: { ...none, routes: 1_000_000, clients: 1, lateClients: 10 },
    title: (s) => `late: ${s.lateClients} clients join a table of ${thousands(s.routes)}`,
  },
  {
    name: "paths",
    scale: { ...none, routes: 100_000, feeders: 10, clients: 10 },
    title: (s) => `paths: ${s.feeders} feeders with the same ${thousands(s.routes)} routes, ${s.clients} clients`,
  },
  {
    name: "ingest",
    scale: { ...none, routes: 1_000_000, clients: 1 },
    title: (s) => `ingest: ${thousands(s.routes)} routes of ${s.feeders} feeders, ${s.clients} client watching`,
  },
  {
    name: "sessions",
    scale: { ...none, routes: 1, clients: 5000, idleSeconds: 60 },
    title: (s) => `sessions: ${s.clients} of them, idle for ${s.idleSeconds} s, hold time ${s.holdTimeSeconds}`,
  },
  {
    name: "mixed",
    scale: { ...none, routes: 100_000, clients: 100, groups: 10, slowClients: 20, lateClients: 10 },
    title: (s) =>
      `mixed: ${thousands(s.routes)} routes, ${s.clients} clients in ${s.groups} update groups, ${s.slowClients} slow readers, ${s.lateClients} joiners 200 ms apart`,
  },
];
