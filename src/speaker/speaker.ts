/**
 * One speaker: sessions on one side, tables in the middle, update groups and the kernel on the other side. This room knows
 * all the others and introduces them to each other; the rules live in theirs. The way of a route through it:
 *
 *   session → `SessionLink` → `UpdateReader` → route tables ─┬→ update groups → `Outbox` → session
 *                                                            └→ `FibFeed` → FIB
 *
 * What takes long runs in slices in the `WorkLoop`. Nothing here knows sockets, files or the machine's clock: ports are handed in.
 */
import { isDeepStrictEqual } from "node:util";
import { type ConfigDiff, effectsOf, neighborKey, takenOn } from "../config/diff.ts";
import type { Config, KernelConfig } from "../config/model.ts";
import { ExportGroup } from "../export/export-group.ts";
import type { GroupKey } from "../export/group-key.ts";
import type { ExportPolicyPort } from "../export/ports.ts";
import type { OpenedFib } from "../fib/open.ts";
import type { KernelLink } from "../fib/port.ts";
import { formatPrefix, parseIpv4, parsePrefix, prefixContains } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { type Family, families } from "../lib/family.ts";
import type { Log } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import { type DecisionOptions, defaultDecision } from "../rib/decision/options.ts";
import { Rib } from "../rib/rib.ts";
import { LOCAL_SOURCE, type SourceInfo } from "../rib/source-table.ts";
import { Alarms } from "../session/alarms.ts";
import { KeepaliveLag } from "../session/counters.ts";
import { PeerSession, type SessionEnvironment } from "../session/peer-session.ts";
import type { SessionSettings } from "../session/settings.ts";
import type { Network } from "../session/transport.ts";
import { CeaseError } from "../wire/errors.ts";
import { encodeRouteRefresh } from "../wire/message/route-refresh.ts";
import { Convergence } from "./convergence.ts";
import { Door, listenTtl } from "./door.ts";
import { type DrainOutcome, drain, forGood, isBehind } from "./drain.ts";
import { Intake } from "./intake.ts";
import { KernelSide } from "./kernel-side.ts";
import { LogBudget } from "./log-budget.ts";
import { MemoryGuard, type MemoryPort } from "./memory-guard.ts";
import { type JournalStore, OwnRestart } from "./own-restart.ts";
import { type OwnRoute, OwnRoutes, ownRouteOf } from "./own-routes.ts";
import { addressWords, identityOf, memberOf, Peer, type PeerIdentity } from "./peer.ts";
import { Peers } from "./peers.ts";
import { PolicyBook } from "./policy-book.ts";
import { checkLimits, hasRoom } from "./prefix-limits.ts";
import { type LinkParts, SessionLink } from "./session-link.ts";
import { SessionProfiles } from "./session-profile.ts";
import { StaleRoutes } from "./stale-routes.ts";
import { Tables } from "./tables.ts";
import { UpdateGroups } from "./update-groups.ts";
import { UpdateReader } from "./update-reader.ts";
import { WorkLoop } from "./work-loop.ts";

/** The outside world of one speaker. */
export interface SpeakerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly log: Log;
  openFib(kernel: KernelConfig): OpenedFib;
  /** Absent: the tables' own octets are all that is known. */
  readonly memory?: MemoryPort;
  /** What is to be known after a restart. */
  readonly journal: JournalStore;
}

const localSource = ({ router }: Config): SourceInfo => ({
  kind: "local",
  client: false,
  remoteAs: router.as,
  routerId: parseIpv4(router.routerId),
  address: [],
  peer: "self",
  name: "",
});

function decisionOptions({ router }: Config): DecisionOptions {
  return { ...defaultDecision, ...router.bestPath };
}

function isLimited({ settings }: Peer): boolean {
  for (const family of families) if (settings.families[family]?.maximumPrefix) return true;
  return false;
}

/** How often groups are ticked, limits looked at and leftovers swept. */
const TICK_MS = 1000;
/** How long a stop waits for sockets to take what is on its way, and how often it looks. */
const FLUSH_MS = 1000;
const LOOK_MS = 20;

export class Speaker {
  readonly tables: Tables;
  readonly peers: Peers;
  readonly groups: UpdateGroups;
  readonly ownRoutes: OwnRoutes;
  readonly kernel: KernelSide;
  readonly keepaliveLag = new KeepaliveLag();
  readonly convergence: Convergence;
  readonly clock: Clock;
  readonly log: Log;
  readonly startedAt: number;
  readonly #ports: SpeakerPorts;
  readonly #links = new WeakMap<Peer, SessionLink>();
  readonly #book: PolicyBook;
  readonly #stale: StaleRoutes;
  readonly restart: OwnRestart;
  /** Families whose leftovers in the kernel go once what was decided is written. */
  readonly #sweepNext = new Set<Family>();
  readonly #loop: WorkLoop;
  readonly #reader: UpdateReader;
  #config: Config;
  #door: Door | null = null;
  readonly #profiles = new SessionProfiles();
  /** One of each for all peers. */
  readonly #environment: SessionEnvironment;
  readonly #linkParts: LinkParts;
  readonly intake: Intake;
  readonly memory: MemoryGuard;
  #tick: Timer | null = null;
  #stopping = false;
  /** Left for good by `drain`: there's nothing to come back to. */
  #left = false;
  #finish: ((set: number) => number) | null = null;

  constructor(config: Config, ports: SpeakerPorts) {
    const { clock, random, log } = ports;
    this.#config = config;
    this.#ports = ports;
    this.clock = clock;
    this.log = log;
    this.startedAt = clock.now();
    this.#environment = {
      clock,
      alarms: new Alarms(clock),
      random,
      network: ports.network,
      keepaliveLag: this.keepaliveLag,
    };
    this.convergence = new Convergence(() => clock.now());
    this.kernel = new KernelSide(config, ports.openFib(config.kernel), log, (link) => this.#linkDown(link));
    const { nextHops } = this.kernel;
    this.tables = new Tables(
      new Rib({
        random,
        nextHops,
        local: { as: config.router.as, routerId: parseIpv4(config.router.routerId) },
        decision: decisionOptions(config),
      }),
    );
    const { rib, store } = this.tables;
    this.#book = new PolicyBook(store, nextHops);
    this.#reader = new UpdateReader(store, this.tables.byFamily);
    this.ownRoutes = new OwnRoutes(this.tables);
    this.groups = new UpdateGroups(
      {
        create: (key, policy) => this.#createGroup(key, policy),
        connect: (group) => this.tables.byFamily[group.key.family]!.addConsumer(group, group.key.addPath > 0),
        disconnect: (group) => this.tables.byFamily[group.key.family]!.removeConsumer(group),
      },
      clock,
    );
    this.#loop = new WorkLoop(clock, [
      { step: 1024, run: (units) => rib.work(units) },
      { step: 1024, run: (units) => this.#decide(units) },
      this.groups,
      { step: 1024, run: (units: number): boolean => this.memory.run(units) },
    ]);
    this.#stale = new StaleRoutes(
      clock,
      this.tables,
      (peer) => {
        // Sessions that end because we stop are what the journal is for.
        if (!this.#stopping) this.restart.lost(peer);
        this.#forgetIfDynamic(peer);
      },
      () => this.#loop.touch(),
    );
    this.restart = new OwnRestart({
      clock,
      log,
      journal: ports.journal,
      deferralMs: config.router.selectionDeferralSeconds * 1000,
      forwarding: (family) => this.#forwards(family),
      isExpected: (address) => this.#mayReturn(address),
      select: (family) => this.#select(family),
    });
    this.intake = new Intake(
      clock,
      () => rib.pending,
      () => this.#lookAtMemory(),
    );
    this.memory = new MemoryGuard({
      clock,
      log,
      rib,
      intake: this.intake,
      port: ports.memory ?? null,
      limits: () => this.#config.limits,
      peers: () => this.peers,
    });
    this.peers = new Peers(
      (identity) => this.#createPeer(identity),
      clock,
      log,
      () => this.memory.refuses,
    );
    this.kernel.feed(config, this.tables, this.ownRoutes, () => this.#loop.touch());
    this.#linkParts = {
      config: () => this.#config,
      clock,
      log: new LogBudget(log, clock),
      tables: this.tables,
      reader: this.#reader,
      groups: this.groups,
      stale: this.#stale,
      loop: this.#loop,
      convergence: this.convergence,
      book: this.#book,
      local: this.kernel.local,
      finish: () => this.#finish,
      changed: (peer) => this.#peerChanged(peer),
      restart: this.restart,
      intake: this.intake,
      isFull: () => this.memory.refuses,
    };
  }

  get config(): Config {
    return this.#config;
  }

  /** Stopping or leaving: there is no way back. */
  get ending(): boolean {
    return this.#stopping || this.#left;
  }

  /** What is listened on; empty until started. */
  get endpoints(): readonly { readonly address: string; readonly port: number }[] {
    return this.#door?.endpoints ?? [];
  }

  /** Opens the door and dials. @throws ListenError or the FIB's error, each with one clear sentence. */
  async start(): Promise<void> {
    const { network } = this.#ports;
    await this.kernel.fib.ready;
    this.restart.begin(families.some((family) => this.kernel.adopted(family)));
    for (const family of families) {
      this.tables.byFamily[family]!.deferred = this.restart.defers(family);
      if (!this.restart.defers(family)) this.#sweepNext.add(family);
    }
    this.kernel.listen();
    const { listen } = this.#config.router;
    if (listen.addresses.length > 0) {
      const ttl = listenTtl(this.#config);
      const listener = await network.listen({
        addresses: listen.addresses,
        port: listen.port,
        ...(ttl !== null && { ttl }),
        accepted: (transport) => this.peers.accept(transport),
        trouble: (message) => this.log.event("warn", "listen", message),
      });
      this.#door = new Door(listener, ttl, this.log);
      this.#door.adopt(this.#config);
    }
    this.ownRoutes.replace("config", this.#config.originate.map(ownRouteOf));
    this.kernel.watchWorkloads(this.#config, this.ownRoutes, () => this.#loop.touch());
    this.peers.setRanges(this.#config);
    for (const neighbor of this.#config.neighbors) this.peers.add(identityOf(neighbor)).session.start();
    this.#tick = this.clock.setTimer(TICK_MS, () => this.#onTick());
    this.#loop.touch();
  }

  /** After a start that failed: lets go of everything, and leaves kernel and journal as they were found. */
  async giveUp(): Promise<void> {
    this.abandon();
    await this.#door?.close();
    await this.kernel.close(true);
  }

  /**
   * A planned restart: what is on its way is sent, peers that keep our routes meanwhile lose the connection without a word (with
   * the N-bit: by a Cease that keeps them, RFC 8538), the others are told; kernel routes stay or go as configured.
   */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#tick?.cancel();
    this.#stale.stop();
    const { clock } = this;
    for (const end = clock.now() + FLUSH_MS; clock.now() < end && [...this.peers].some(isBehind); )
      await new Promise<void>((resolve) => clock.setTimer(LOOK_MS, resolve));
    for (const peer of this.peers) {
      const restart = peer.live?.agreed.gracefulRestart;
      const quiet = restart != null && !restart.notification && peer.settings.gracefulRestart?.restarter === true;
      peer.session.stop(quiet ? { quiet } : { subcode: CeaseError.AdministrativeShutdown });
    }
    this.restart.stop(this.#left);
    await this.#door?.close();
    await this.kernel.close(this.#config.kernel.keepOnExit && !this.#left);
  }

  /** Lets go of timers and says nothing to anyone, as if the process had been killed: for simulations. */
  abandon(): void {
    this.#stopping = true;
    this.#tick?.cancel();
    this.#stale.stop();
    this.restart.abandon();
    for (const peer of this.peers) peer.session.stop({ quiet: true });
  }

  /** Ends the session with Cease 6/4, or only asks for or tells all routes again. */
  reset(peer: Peer, soft: "in" | "out" | null): void {
    if (soft === null) {
      peer.session.reset(CeaseError.AdministrativeReset);
      return;
    }
    const { live } = peer;
    if (live === null) return;
    for (const family of live.agreed.families)
      if (soft === "out") {
        const membership = live.memberships[family];
        membership?.group.refresh(membership.member, live.agreed.enhancedRouteRefresh);
      } else if (live.agreed.routeRefresh) peer.session.send(encodeRouteRefresh(family));
      else this.#stale.reevaluate(peer.source);
    this.#loop.touch();
  }

  /** Exactly these prefixes from now on, of those under `owner`: a table change, never a matter of sessions. */
  originate(owner: "config" | "workload", routes: readonly OwnRoute[]): void {
    this.ownRoutes.replace(owner, routes);
    this.#loop.touch();
  }

  /** Leaves for good; afterwards only `stop` is left to do. */
  drain(waitSeconds: number): Promise<DrainOutcome> {
    this.#left = true;
    return drain(
      {
        clock: this.clock,
        store: this.tables.store,
        peers: () => this.peers,
        finishWith: (step) => {
          this.#finish = step;
          this.groups.reevaluate();
          this.#loop.touch();
        },
      },
      waitSeconds,
    );
  }

  linkOf(peer: Peer): SessionLink {
    return this.#links.get(peer)!;
  }

  /** Takes on a new config: only what differs is touched. The caller has seen to it that it is valid. */
  reconfigure(wantedConfig: Config, diff: ConfigDiff): void {
    const config = takenOn(this.#config, wantedConfig);
    const routerChanged = new Set(diff.router.map((change) => change.effect));
    const changeOf = new Map([...diff.neighbors, ...diff.ranges].map((change) => [change.key, change]));
    const workloadsChanged = !isDeepStrictEqual(
      [this.#config.workloads, this.#config.originate],
      [config.workloads, config.originate],
    );
    this.#config = config;
    this.kernel.reconfigure(config, this.tables);
    this.#book.clear();
    if (routerChanged.has("restart")) this.tables.sources.update(LOCAL_SOURCE, localSource(config));
    if (routerChanged.has("decision"))
      for (const table of this.tables.byFamily) table.setDecision(decisionOptions(config));
    this.ownRoutes.replace("config", config.originate.map(ownRouteOf));
    if (workloadsChanged) this.kernel.watchWorkloads(config, this.ownRoutes, () => this.#loop.touch());
    this.peers.setRanges(config);
    this.#door?.adopt(config);
    this.#profiles.clear();
    const everyone = routerChanged.has("export") || routerChanged.has("import");
    const wanted = new Map(config.neighbors.map((neighbor) => [neighborKey(neighbor), identityOf(neighbor)]));
    for (const peer of [...this.peers]) {
      const before = peer.identity;
      const key = before.dynamic ? (this.peers.rangeOf(peer) ?? "") : peer.address;
      // Listed beats range and the longer range the shorter, also for a member that came before them.
      const range = before.dynamic ? this.peers.rangeFor(peer.address) : undefined;
      const identity = wanted.get(peer.address) ?? (range && memberOf(peer.address, range, config.inventory));
      wanted.delete(peer.address);
      const moved = before.dynamic && (!identity?.dynamic || range?.range !== key);
      const effects =
        identity === undefined || !moved
          ? changeOf.get(key)?.effects
          : effectsOf(before.settings, identity.settings, diff.policies);
      if (identity === undefined) this.#removePeer(peer, CeaseError.PeerDeconfigured);
      else if (effects?.has("restart") || routerChanged.has("restart")) {
        this.#removePeer(peer, CeaseError.OtherConfigurationChange);
        if (!identity.dynamic) this.peers.add(identity).session.start();
      } else if (effects !== undefined || everyone || !isDeepStrictEqual(before.blocks, identity.blocks)) {
        peer.identity = identity;
        this.peers.enroll(peer);
        peer.session.update(this.#sessionSettings(identity));
        this.linkOf(peer).reconfigured();
        if (effects?.has("refresh") || hasRoom(peer, this.tables)) this.#askAgain(peer);
      }
    }
    for (const identity of wanted.values()) this.peers.add(identity).session.start();
    this.#loop.touch();
  }

  /** What was dropped or refused on receipt isn't here to be judged: the peer has to tell it again, if need be in a new session. */
  #askAgain(peer: Peer): void {
    if (peer.live?.agreed.routeRefresh === false) peer.session.reset(CeaseError.OtherConfigurationChange);
    else this.reset(peer, "in");
  }

  /** Whether packets of a family were forwarded while we were away. */
  #forwards(family: Family): boolean {
    return this.#config.kernel.fib === "none" || this.kernel.adopted(family);
  }

  #mayReturn(address: string): boolean {
    const words = addressWords(address);
    return (
      this.#config.neighbors.some((neighbor) => neighborKey(neighbor) === address) ||
      this.#config.dynamicNeighbors.some(({ range }) => prefixContains(parsePrefix(range), words))
    );
  }

  /** After a restart everyone has told everything, or had the time to: now it is decided, advertised and swept. */
  #select(family: Family): void {
    this.tables.byFamily[family]!.deferred = false;
    this.#sweepNext.add(family);
    for (const peer of this.peers) this.linkOf(peer).joinGroup(family);
    this.#loop.touch();
  }

  #decide(units: number): boolean {
    const { fib } = this.kernel;
    if (!this.tables.rib.flush(units)) return false;
    for (const family of this.#sweepNext) this.kernel.sweep(family);
    this.#sweepNext.clear();
    const writes = this.#config.kernel.fib !== "none" && fib.counters.queued > 0;
    this.convergence.decided(this.groups.groups, writes ? (done) => fib.barrier(done) : null);
    return true;
  }

  #removePeer(peer: Peer, subcode: number): void {
    peer.session.stop(subcode === CeaseError.PeerDeconfigured ? forGood(peer, subcode) : { subcode });
    this.restart.forget(peer);
    this.#stale.purge(peer);
    this.peers.remove(peer);
  }

  #createPeer(identity: PeerIdentity): Peer {
    return new Peer(identity, (peer) => {
      const link = new SessionLink(peer, this.#linkParts);
      this.#links.set(peer, link);
      return new PeerSession(this.#sessionSettings(identity), this.#environment, link);
    });
  }

  #sessionSettings(identity: PeerIdentity): SessionSettings {
    const { settings, dynamic, address } = identity;
    return {
      profile: this.#profiles.of(this.#config, settings, dynamic),
      remoteAddress: address,
      remotePort: settings.port,
      ...(settings.localAddress !== null && { localAddress: settings.localAddress }),
    };
  }

  #createGroup(key: GroupKey, policy: ExportPolicyPort): ExportGroup {
    const { store, sources, byFamily } = this.tables;
    return new ExportGroup({
      key,
      policy,
      sources,
      routes: byFamily[key.family]!,
      sets: store,
      nextHops: this.kernel.nextHops,
      events: {
        wake: () => this.#loop.touch(),
        withheld: (prefixId, reason) => this.#withheld(key, prefixId, reason),
        delivered: (stamp) => this.convergence.delivered(stamp),
      },
    });
  }

  #withheld(key: GroupKey, prefixId: number, reason: string): void {
    const { prefixes } = this.tables.byFamily[key.family]!;
    const words = key.family === 0 ? [0] : [0, 1, 2, 3];
    const prefix = formatPrefix(
      words.map((i) => prefixes.word(prefixId, i)),
      prefixes.length(prefixId),
    );
    const why = reason === "too-big" ? "it doesn't fit into a message" : "there's no next hop to send it with";
    this.log.event("warn", "withheld", `${prefix} is not advertised to ${key.peerKind} peers: ${why}`, {
      prefix,
      reason,
    });
  }

  /** Single-hop sessions over a link that is down can't go on, and nothing on the wire will tell (their hold timer would). */
  #linkDown(link: KernelLink): void {
    const { local } = this.kernel;
    for (const peer of this.peers) {
      const own = peer.live?.agreed.localAddress;
      if (own === undefined || local.interfaceOf(own) !== link.ifindex) continue;
      if (local.isOnLink(link.ifindex, peer.address)) peer.session.disconnect(`our link ${link.name} went down`);
    }
  }

  #peerChanged(peer: Peer): void {
    if (peer.live === null) this.#forgetIfDynamic(peer);
    else this.peers.shookHands(peer);
  }

  /** A member of a range exists while its session does, or its stale routes. */
  #forgetIfDynamic(peer: Peer): void {
    if (!peer.identity.dynamic || peer.live !== null || peer.restarting) return;
    this.clock.defer(() => {
      const { state } = peer.session;
      if (
        peer.restarting ||
        peer.session.resting ||
        state === "OpenSent" ||
        state === "OpenConfirm" ||
        state === "Established"
      )
        return;
      peer.session.stop({ quiet: true });
      this.peers.remove(peer);
    });
  }

  #lookAtMemory(): void {
    if (this.memory.tick()) this.#loop.touch();
  }

  #onTick(): void {
    if (this.#stopping) return;
    this.#tick = this.clock.setTimer(TICK_MS, () => this.#onTick());
    if (this.groups.tick()) this.#loop.touch();
    this.#lookAtMemory();
    // A new policy may accept more, without a word from the peer.
    for (const peer of this.peers) if (peer.live !== null && isLimited(peer)) checkLimits(peer, this.tables, this.log);
  }
}
