import type {
  AnnouncedRow,
  BfdRow,
  ChangeReport,
  Clash,
  DrainReport,
  Explanation,
  FibRow,
  NeighborDetail,
  NeighborSummary,
  PathRow,
  Readiness,
  RouteRow,
  Summary,
  TunnelRow,
} from "../../src/view/model.ts";
import {
  type AdminAction,
  type AdminTarget,
  ControlError,
  type PrefixQuestion,
  type RouteQuery,
  type Slices,
  type SpeakerControl,
  type SpeakerView,
} from "../../src/view/view-port.ts";

/** Text as a hostile peer sends it: it would clear the screen and forge a line. */
export const hostile = "gone\u001b[2J\nfishing \u202eevil";

export const path = (more: Partial<PathRow> = {}): PathRow => ({
  best: true,
  from: "10.0.0.2",
  nextHop: "10.0.0.2",
  asPath: [],
  origin: "igp",
  localPref: 100,
  med: null,
  communities: [],
  largeCommunities: [],
  extendedCommunities: [],
  originatorId: null,
  clusterList: [],
  atomicAggregate: false,
  aggregator: null,
  onlyToCustomer: null,
  unknownAttributes: [],
  valid: true,
  multipath: false,
  stale: false,
  pathId: null,
  rejectedBy: null,
  ...more,
});

const counts = { open: 1, update: 2, notification: 0, keepalive: 3, routeRefresh: 0 };

export const neighbor = (more: Partial<NeighborDetail> = {}): NeighborDetail => ({
  address: "10.0.0.2",
  remoteAs: 65001,
  state: "Established",
  uptimeSeconds: 189,
  everEstablished: true,
  dynamic: false,
  routeReflectorClient: false,
  description: "",
  disabled: false,
  disabledText: "",
  draining: false,
  messagesReceived: 4,
  messagesSent: 5,
  tableVersion: 3,
  inQueue: 0,
  outQueue: 0,
  prefixes: { received: 2, accepted: 1, advertised: 3 },
  lastError: null,
  localAs: 65001,
  kind: "internal",
  peerGroup: null,
  lastDrop: null,
  stateReason: null,
  remoteRouterId: "10.0.0.2",
  hostName: null,
  localAddress: "10.0.0.7",
  localPort: 40001,
  remotePort: 179,
  passive: false,
  flaps: 0,
  bfd: null,
  timers: {
    holdTimeSeconds: 90,
    keepaliveSeconds: 30,
    connectRetrySeconds: 5,
    advertisementIntervalSeconds: 0,
    configuredHoldTimeSeconds: 90,
    sinceLastMessageSeconds: 2,
  },
  capabilities: {
    sent: [{ code: 65, name: "four-octet-as", value: "65001" }],
    received: [{ code: 65, name: "four-octet-as", value: "65001" }],
    used: [{ code: 65, name: "four-octet-as", value: "" }],
  },
  families: [
    {
      family: "ipv4-unicast",
      received: 2,
      accepted: 1,
      advertised: 3,
      endOfRibSent: true,
      endOfRibReceived: true,
      addPathSend: false,
      addPathReceive: false,
      maximumPrefix: null,
    },
  ],
  messages: { received: counts, sent: counts },
  gracefulRestart: null,
  importPolicy: null,
  exportPolicy: null,
  nextHop: "default",
  ...more,
});

export const fibRow = (more: Partial<FibRow> = {}): FibRow => ({
  prefix: "172.17.9.0/24",
  type: "unicast",
  nextHops: [{ via: "192.168.100.101", dev: "eth0", onlink: true, weight: 1 }],
  table: 254,
  protocol: "bgp",
  metric: 32,
  state: "installed",
  ...more,
});

/** A speaker whose answers are written down, and that remembers what it was told. */
export class FakeSpeaker implements SpeakerView, SpeakerControl {
  details: NeighborDetail[] = [
    neighbor(),
    neighbor({
      address: "2001:db8::1",
      remoteAs: 4200000000,
      state: "Active",
      uptimeSeconds: 95_000,
      everEstablished: false,
      dynamic: true,
      description: hostile,
      lastError: {
        at: "2026-11-21T09:03:11.123Z",
        direction: "received",
        code: 6,
        subcode: 2,
        text: `Cease / Administrative Shutdown: ${hostile}`,
      },
      stateReason: `Cease / Administrative Shutdown: ${hostile}`,
    }),
  ];
  rows: RouteRow[][] = [];
  fibRows: FibRow[][] = [[fibRow()]];
  clashRows: Clash[] = [];
  tunnelRows: TunnelRow[] = [];
  explanation: Partial<Explanation> = {};
  stands: Readiness = { ready: true, reasons: [], pending: [], warnings: [], writer: null, changes: 3 };
  report: ChangeReport = { router: [], neighbors: [], others: [], warnings: [], unchangedNeighbors: 2 };
  drained: DrainReport = { complete: true, waitingFor: [], text: "All peers have taken everything" };
  /** Thrown by whatever is told next. */
  refusal: Error | null = null;
  readonly told: string[] = [];
  readonly queries: RouteQuery[] = [];
  readonly questions: PrefixQuestion[] = [];

  router(): Summary["router"] {
    return {
      as: 65001,
      routerId: "10.0.0.7",
      clusterId: "10.0.0.7",
      version: "0.1.0",
      uptimeSeconds: 12,
      routes: { "ipv4-unicast": 3, "ipv6-unicast": 0 },
      tableVersion: 3,
      waiting: null,
      readiness: this.stands,
    };
  }

  readiness(): Readiness {
    return this.stands;
  }

  summarySlices(): NeighborSummary[][] {
    return [this.details];
  }

  neighborSlices(address?: string): NeighborDetail[][] {
    return [this.#neighbors(address)];
  }

  routes(query: RouteQuery): Slices<RouteRow> {
    this.queries.push(query);
    return this.rows;
  }

  received(address: string, query: RouteQuery): Slices<RouteRow> | undefined {
    this.told.push(`received ${address}`);
    return this.#neighbors(address).length > 0 ? this.routes(query) : undefined;
  }

  advertised(address: string, query: RouteQuery): Slices<RouteRow> | undefined {
    this.told.push(`advertised ${address}`);
    return this.#neighbors(address).length > 0 ? this.routes(query) : undefined;
  }

  fib(): Slices<FibRow> {
    return this.fibRows;
  }

  sessions: BfdRow[] = [];

  originated: AnnouncedRow[] = [];

  *announced(): Generator<AnnouncedRow[]> {
    yield this.originated;
  }

  async announce(body: Uint8Array): Promise<{ announced: number }> {
    const { routes } = JSON.parse(new TextDecoder().decode(body));
    this.told.push(`announce ${JSON.stringify(routes)}`);
    return { announced: routes.length };
  }

  async withdraw(body: Uint8Array): Promise<{ withdrawn: number }> {
    const { routes } = JSON.parse(new TextDecoder().decode(body));
    this.told.push(`withdraw ${JSON.stringify(routes)}`);
    return { withdrawn: routes.length };
  }

  bfd(address?: string): BfdRow[] {
    return this.sessions.filter((row) => address === undefined || row.address === address);
  }

  tunnels(): TunnelRow[] {
    return this.tunnelRows;
  }

  clashes(): Slices<Clash> {
    return [this.clashRows];
  }

  // biome-ignore lint/correctness/useYield: it is made at once
  *explainSlices(question: PrefixQuestion): Generator<undefined, Explanation> {
    this.questions.push(question);
    return {
      prefix: question.text,
      question: question.text,
      received: [],
      decision: { best: null, text: "Nobody announces it" },
      nextHop: null,
      kernel: null,
      advertised: [],
      ...this.explanation,
    };
  }

  reset(address: string, soft: "in" | "out" | null): void {
    this.#tell(`reset ${address} ${soft ?? "hard"}`);
    if (this.#neighbors(address).length === 0) throw new ControlError("not-found", `There is no neighbor ${address}`);
  }

  async reload(): Promise<ChangeReport> {
    this.#tell("reload");
    return this.report;
  }

  async diff(sent: Uint8Array): Promise<ChangeReport> {
    this.#tell(`diff ${JSON.parse(Buffer.from(sent).toString()).file}`);
    return this.report;
  }

  async dumpTables(): Promise<string> {
    return "/var/lib/peerage/mrt/rib.20260301.0000.gz";
  }

  administer(action: AdminAction, target: AdminTarget, text: string): { neighbors: string[] } {
    const whom = "group" in target ? `group ${target.group}` : target.address;
    this.#tell(`${action} ${whom} ${text}`.trim());
    return { neighbors: ["10.0.0.2"] };
  }

  async drain(waitSeconds: number): Promise<DrainReport> {
    this.#tell(`drain ${waitSeconds}`);
    return this.drained;
  }

  #neighbors(address?: string): NeighborDetail[] {
    return this.details.filter((entry) => address === undefined || entry.address === address);
  }

  #tell(what: string): void {
    this.told.push(what);
    if (this.refusal) throw this.refusal;
  }
}
