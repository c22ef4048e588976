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
import { type ConfigDiff, neighborKey, takenOn } from "../config/diff.ts";
import type { Config } from "../config/model.ts";
import { UpdateGroups } from "../export/update-groups.ts";
import { type Prefix, parsePrefix, prefixContains } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { type Family, families } from "../lib/family.ts";
import { atOnce } from "../lib/in-slices.ts";
import type { Log } from "../lib/log.ts";
import { WorkLoop } from "../lib/work-loop.ts";
import type { PolicyHits } from "../policy/hits.ts";
import { UpdateReader } from "../rib/update-reader.ts";
import { Alarms } from "../session/alarms.ts";
import { KeepaliveLag } from "../session/counters.ts";
import { CeaseError, type CeaseSubcode } from "../wire/errors.ts";
import { encodeRouteRefresh } from "../wire/message/route-refresh.ts";
import { type Announcement, Announcements } from "./announcements.ts";
import { KernelSide } from "./kernel/kernel-side.ts";
import { LocalEnds } from "./kernel/local-ends.ts";
import { Admission } from "./load/admission.ts";
import { BackPressure } from "./load/back-pressure.ts";
import { Convergence } from "./load/convergence.ts";
import { LogBudget } from "./load/log-budget.ts";
import { MemoryGuard } from "./load/memory-guard.ts";
import { makeGroup } from "./make-group.ts";
import { type OriginatedRoute, OriginatedRoutes, type Owner, originatedRouteOf } from "./originated-routes.ts";
import { addressWords, identityOf, type Peer, type PeerIdentity } from "./peer.ts";
import type { AdminState, AdminTarget } from "./peers/administration.ts";
import { BfdWatch } from "./peers/bfd-watch.ts";
import { ListenerKeys, listenTtl } from "./peers/listener-keys.ts";
import { type PeerFate, peerChanges } from "./peers/peer-changes.ts";
import { PeerMaker } from "./peers/peer-maker.ts";
import { Peers } from "./peers/peers.ts";
import { PolicyCache } from "./peers/policy-cache.ts";
import { checkLimits, hasRoom, isLimited } from "./peers/prefix-limits.ts";
import { restIsOver } from "./peers/rest.ts";
import type { SessionLink } from "./peers/session-link.ts";
import { SessionRules } from "./peers/session-rules.ts";
import { SessionWatchers } from "./peers/session-watch.ts";
import { SharedRouterIds } from "./peers/shared-router-ids.ts";
import { type DrainOutcome, drain, forGood, sayGoodbye, sendRest } from "./restart/drain.ts";
import { OwnRestart } from "./restart/own-restart.ts";
import { StaleRoutes } from "./restart/stale-routes.ts";
import { StartOver } from "./restart/start-over.ts";
import { adoptRouter, ribOf } from "./router-rib.ts";
import type { SpeakerPorts } from "./speaker-ports.ts";
import type { SpeakerState } from "./speaker-state.ts";
import { Tables } from "./tables.ts";

/** How often groups are ticked, limits looked at and leftovers swept; and how often where no session is up, so that next to nothing can change. */
const TICK_MS = 1000;
const IDLE_TICK_MS = 10_000;
/** After that many ticks: what the last session left behind is given back by then. */
const IDLE_AFTER_TICKS = 30;
export class Speaker implements SpeakerState {
  readonly tables: Tables;
  readonly peers: Peers;
  readonly groups: UpdateGroups;
  readonly originatedRoutes: OriginatedRoutes;
  readonly announcements: Announcements;
  readonly kernel: KernelSide;
  readonly keepaliveLag = new KeepaliveLag();
  /** For who writes down what sessions do. */
  readonly watchers = new SessionWatchers();
  readonly convergence: Convergence;
  readonly clock: Clock;
  readonly log: Log;
  readonly startedAt: number;
  readonly #ports: SpeakerPorts;
  readonly #policyCache: PolicyCache;
  readonly #stale: StaleRoutes;
  readonly restart: OwnRestart;
  readonly startOver: StartOver;
  /** Families whose leftovers in the kernel go once what was decided is written. */
  readonly #sweepNext = new Set<Family>();
  readonly #loop: WorkLoop;
  readonly #localEnds: LocalEnds;
  #config: Config;
  #listenerKeys: ListenerKeys | null = null;
  readonly #maker: PeerMaker;
  readonly backPressure: BackPressure;
  readonly bfd: BfdWatch | null;
  readonly memory: MemoryGuard;
  readonly policyHits: PolicyHits;
  #tick: Timer | null = null;
  #tickMs = TICK_MS;
  #idleTicks = 0;
  #stopping = false;
  /** Left for good by `drain`: there's nothing to come back to. */
  #left = false;
  #finish: ((set: number) => number) | null = null;

  /** The loop first, as every part may have work for it; then what each next part stands on. */
  constructor(config: Config, ports: SpeakerPorts) {
    const { clock, random, log, network, journal, memory = null } = ports;
    this.#config = config;
    this.#ports = ports;
    this.clock = clock;
    this.log = log;
    this.startedAt = clock.now();
    const loop = new WorkLoop(clock);
    const wake = () => loop.touch();
    const convergence = new Convergence(() => clock.now());
    const admission = new Admission();

    // What there is: the kernel, and the tables that know its next hops.
    const kernel = new KernelSide(config, ports.openFib(config.kernel), log, clock, (link) =>
      this.#localEnds.linkDown(link),
    );
    const tables = new Tables(ribOf(config, random, kernel.nextHops));
    const { rib, store } = tables;
    const policyCache = new PolicyCache(store, kernel.nextHops);
    const originatedRoutes = new OriginatedRoutes(tables, kernel.nextHops);
    kernel.feed(config, tables, originatedRoutes, wake);

    // Who is told.
    const groupParts = { tables, kernel, convergence, log, wake };
    const groups = new UpdateGroups(
      {
        create: (key, policy) => makeGroup(key, policy, groupParts),
        connect: (group) => tables.byFamily[group.key.family]!.addConsumer(group, group.key.addPath > 0),
        disconnect: (group) => tables.byFamily[group.key.family]!.removeConsumer(group),
      },
      clock,
    );

    // What outlives sessions: theirs, and ours.
    const stale = new StaleRoutes(clock, tables, (peer) => this.#staleOver(peer), wake);
    const restart = new OwnRestart({
      clock,
      log,
      journal,
      deferralMs: config.router.selectionDeferralSeconds * 1000,
      forwarding: (family) => this.#forwards(family),
      isExpected: (address) => this.#mayReturn(address),
      listed: (family) => this.#listed(family),
      select: (family) => this.#select(family),
      sweep: (family) => {
        this.#sweepNext.add(family);
        this.#loop.touch();
      },
    });

    // Who tells: peers, as many as memory has room for.
    const backPressure = new BackPressure(
      clock,
      () => rib.pending,
      () => this.#lookAtMemory(),
    );
    const environment = { clock, alarms: new Alarms(clock), random, network, keepaliveLag: this.keepaliveLag };
    const rules = new SessionRules({
      config: () => this.#config,
      tables,
      policyCache,
      local: kernel.local,
      finish: () => this.#finish,
    });
    const maker = new PeerMaker(() => this.#config, environment, {
      rules,
      routes: { tables, reader: new UpdateReader(store, tables.byFamily), groups },
      restart: { own: restart, stale },
      load: { convergence, backPressure, admission },
      routerIds: new SharedRouterIds(),
      watchers: this.watchers,
      log: new LogBudget(log, clock),
      clock,
      changed: (peer) => this.#peerChanged(peer),
      wake,
    });
    const peers = new Peers((identity) => maker.make(identity), clock, log, admission);
    const localEnds = new LocalEnds({ clock, local: kernel.local, peers, linkOf: (peer) => maker.linkOf(peer) });
    kernel.onAddresses = () => localEnds.changed();
    const guard = new MemoryGuard({
      clock,
      log,
      rib,
      admission,
      backPressure,
      port: memory,
      limits: () => this.#config.limits,
      peers,
    });

    loop.add({ step: 1024, run: (units) => rib.work(units) });
    loop.add({ step: 1024, run: (units) => this.#decide(units) });
    loop.add(groups);
    loop.add(guard);

    this.convergence = convergence;
    this.kernel = kernel;
    this.tables = tables;
    this.#policyCache = policyCache;
    this.originatedRoutes = originatedRoutes;
    this.announcements = new Announcements({
      routes: originatedRoutes,
      clock,
      limit: () => this.#config.limits.announced,
      inventory: () => this.#config.inventory,
    });
    this.groups = groups;
    this.#loop = loop;
    this.#localEnds = localEnds;
    this.#stale = stale;
    this.restart = restart;
    this.startOver = new StartOver({ restart, fib: kernel.fib, peers, decided: () => rib.pending === 0 });
    this.backPressure = backPressure;
    this.memory = guard;
    this.policyHits = policyCache.hits;
    this.peers = peers;
    this.#maker = maker;
    this.bfd =
      ports.bfd === undefined
        ? null
        : new BfdWatch({ port: ports.bfd, log, peers, giveUp: (peer) => stale.purge(peer) });
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
    return this.#listenerKeys?.endpoints ?? [];
  }

  /** Opens the door and dials. @throws ListenError or the FIB's error, each with one clear sentence. */
  async start(): Promise<void> {
    const { network } = this.#ports;
    await this.kernel.fib.ready;
    if (this.#stopping) return;
    this.restart.begin(families.some((family) => this.kernel.adopted(family)));
    for (const family of families) {
      this.tables.byFamily[family]!.deferred = this.restart.defers(family);
      if (this.restart.isOver(family)) this.#sweepNext.add(family);
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
      if (this.#stopping) return listener.close();
      this.#listenerKeys = new ListenerKeys(listener, ttl, this.log);
      this.#listenerKeys.adopt(this.#config);
    }
    this.originatedRoutes.replace("config", ownRoutes(this.#config));
    this.kernel.watchWorkloads(this.#config, this.originatedRoutes, () => this.#loop.touch());
    this.peers.setRanges(this.#config);
    for (const neighbor of this.#config.neighbors) this.#begin(identityOf(neighbor));
    this.#setTick(TICK_MS);
    this.startOver.begin();
    this.#loop.touch();
  }

  /** After a start that failed: lets go of everything, and leaves kernel and journal as they were found. */
  async giveUp(): Promise<void> {
    this.abandon();
    await this.#listenerKeys?.close();
    await this.kernel.close(true);
  }

  /** A planned restart: peers hear what they must, and kernel routes stay or go as configured. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#tick?.cancel();
    this.#localEnds.stop();
    this.#stale.stop();
    await sendRest(this.peers, this.clock);
    this.kernel.freeze();
    sayGoodbye(this.peers);
    this.restart.stop(this.#left);
    await this.bfd?.close();
    await this.#listenerKeys?.close();
    await this.kernel.close(this.#config.kernel.keepOnExit && !this.#left);
  }

  /** Lets go of timers and says nothing to anyone, as if the process had been killed: for simulations. */
  abandon(): void {
    this.#stopping = true;
    this.#tick?.cancel();
    this.#localEnds.stop();
    this.#stale.stop();
    this.restart.abandon();
    this.kernel.freeze();
    for (const peer of this.peers) peer.session.stop({ quiet: true });
  }

  /** Ends the session with Cease 6/4, or only asks for or tells all routes again. */
  reset(peer: Peer, soft: "in" | "out" | null): void {
    if (soft === null) {
      peer.session.reset(CeaseError.AdministrativeReset);
      return;
    }
    // What waits until addresses have settled doesn't wait for who asks now.
    this.linkOf(peer).ownAddressesChanged();
    const { live } = peer;
    if (live === null) return;
    for (const family of live.agreed.families)
      if (soft === "out") {
        const membership = live.memberships[family];
        membership?.group.refresh(membership.member, live.agreed.enhancedRouteRefresh);
      } else if (live.agreed.routeRefresh) peer.session.send(encodeRouteRefresh(family));
      else this.tables.reevaluate(peer.source);
    this.#loop.touch();
  }

  /** Exactly these prefixes from now on, of those under `owner`: a table change, never a matter of sessions. */
  originate(owner: Owner, routes: readonly OriginatedRoute[]): void {
    this.originatedRoutes.replace(owner, routes);
    this.#loop.touch();
  }

  /** Announces at run time, all or nothing. @throws Refused */
  *announcing(announcements: readonly Announcement[], force: boolean): Generator<undefined, void> {
    yield* this.announcements.announce(announcements, force);
    this.#loop.touch();
  }

  /** Takes back what was announced at run time, all or nothing. @throws Refused */
  *withdrawing(prefixes: readonly Prefix[]): Generator<undefined, void> {
    yield* this.announcements.withdraw(prefixes);
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
    return this.#maker.linkOf(peer);
  }

  /** Takes on a new config: only what differs is touched. The caller has seen to it that it is valid. */
  reconfigure(wantedConfig: Config, diff: ConfigDiff): void {
    atOnce(this.reconfiguring(wantedConfig, diff));
  }

  /**
   * The same in slices, as a config may have as many peers and as long policies as it likes. The config holds from the first slice on; each peer
   * follows in one piece. Only one at a time; whoever ends meanwhile needs no more of it.
   */
  *reconfiguring(wantedConfig: Config, diff: ConfigDiff): Generator<undefined, void> {
    const config = takenOn(this.#config, wantedConfig);
    const { added: come, removed: gone, changed: other } = diff.originate;
    const blocksChanged = come.length + gone.length + other.length > 0;
    const workloadsChanged = blocksChanged || !isDeepStrictEqual(this.#config.workloads, config.workloads);
    this.#config = config;
    this.kernel.reconfigure(config, this.tables);
    this.#policyCache.adopt(config);
    adoptRouter(this.tables.rib, config, diff);
    this.peers.setRanges(config);
    this.#listenerKeys?.adopt(config);
    this.#maker.reconfigured();
    const { fates, added } = yield* peerChanges(this.peers, config, diff);
    // Each peer has come to be what it is to be before it is looked at: a session that comes up meanwhile is one of today's.
    for (const change of fates) if (change.fate === "changes") change.peer.identity = change.identity;
    for (const change of fates) {
      if (change.fate === "changes") yield* this.linkOf(change.peer).preparing();
      if (this.ending) return;
      if (this.#isThere(change.peer)) this.#meetFate(change);
      yield;
    }
    const touched = new Set(fates.map(({ peer }) => peer));
    for (const peer of [...this.peers]) {
      if (touched.has(peer)) continue;
      yield* this.linkOf(peer).preparing();
      if (this.ending) return;
      if (!this.#isThere(peer)) continue;
      if (this.linkOf(peer).unchanged() && peer.live !== null) this.#askAgain(peer);
      this.#endRest(peer);
      yield;
    }
    this.#policyCache.settled();
    for (const identity of added) {
      if (this.ending) return;
      // It may have dialled in by a range since.
      const before = this.peers.get(identity.address);
      if (before !== undefined) this.#removePeer(before, CeaseError.OtherConfigurationChange, false);
      this.#begin(identity);
      yield;
    }
    yield* this.originatedRoutes.replacing("config", ownRoutes(config));
    if (workloadsChanged) this.kernel.watchWorkloads(config, this.originatedRoutes, () => this.#loop.touch());
    this.bfd?.sweep();
    this.#loop.touch();
  }

  #isThere(peer: Peer): boolean {
    return this.peers.get(peer.address) === peer;
  }

  /** A listed peer: dialled at once, or when BFD says that its path is there. */
  #begin(identity: PeerIdentity): void {
    const peer = this.peers.add(identity);
    this.bfd?.watch(peer);
    if (this.bfd?.mayStart(peer) ?? true) peer.start();
  }

  /** What the operator wants of a neighbor or a group from now on; returns whom it concerned. Null: nobody is called so. */
  administer(target: AdminTarget, state: AdminState): string[] | null {
    const isMeant = (peer: Peer) =>
      "address" in target ? peer.address === target.address : peer.settings.peerGroup === target.group;
    const meant = [...this.peers].filter(isMeant);
    const { neighbors, dynamicNeighbors } = this.#config;
    const exists =
      meant.length > 0 ||
      ("group" in target
        ? [...neighbors, ...dynamicNeighbors].some(({ peerGroup }) => peerGroup === target.group)
        : this.#maker.administration.names(target.address));
    if (!exists) return null;
    const addresses = meant.map(({ address }) => address);
    this.#maker.administration.say(target, state, addresses);
    for (const peer of meant) this.#takeAdmin(peer);
    this.#loop.touch();
    return addresses;
  }

  #takeAdmin(peer: Peer): void {
    const before = peer.admin;
    const now = this.#maker.administration.stateOf(peer.identity);
    peer.admin = now;
    if (now.disabled && !before.disabled) {
      // Leaving for good: else a peer that restarts gracefully would keep our routes.
      peer.session.stop(forGood(peer, CeaseError.AdministrativeShutdown, now.text));
      this.restart.forget(peer);
      this.#stale.purge(peer);
      this.peers.forgetIfGone(peer);
    } else if (before.disabled && !now.disabled && (this.bfd?.mayStart(peer) ?? true)) peer.start();
    if (now.draining !== before.draining) this.linkOf(peer).reconfigured();
  }

  #meetFate(change: PeerFate): void {
    const { peer, fate } = change;
    if (fate === "goes") this.#removePeer(peer, CeaseError.PeerDeconfigured, true);
    else if (fate === "restarts") {
      this.#removePeer(peer, CeaseError.OtherConfigurationChange, comesFromElsewhere(peer, change.identity));
      if (!change.identity.dynamic) this.#begin(change.identity);
    } else {
      peer.identity = change.identity;
      this.peers.enroll(peer);
      const before = peer.session.settings;
      const settings = this.#maker.settingsOf(change.identity);
      peer.session.update(settings);
      // What it failed for before may be what has changed: another password, other timers.
      if (peer.rest === null && !isDeepStrictEqual(before, settings)) peer.session.tryAgain();
      this.#endRest(peer);
      this.bfd?.watch(peer);
      this.#takeAdmin(peer);
      const room = this.linkOf(peer).reconfigured();
      if (change.refresh || room || hasRoom(peer, this.tables)) this.#askAgain(peer);
    }
  }

  /** A peer that rests for a limit comes back when a reload has changed that. */
  #endRest(peer: Peer): void {
    if (!restIsOver(peer, this.#config.limits)) return;
    peer.rest = null;
    peer.session.tryAgain();
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
      this.#config.neighbors.some((neighbor) => neighborKey(neighbor) === address && !neighbor.shutdown) ||
      this.#config.dynamicNeighbors.some(({ range }) => prefixContains(parsePrefix(range), words))
    );
  }

  #listed(family: Family): readonly string[] | null {
    const { neighbors, dynamicNeighbors } = this.#config;
    if (dynamicNeighbors.some(({ families: carried }) => carried[family] !== null)) return null;
    return neighbors.filter(({ families: carried }) => carried[family] !== null).map(neighborKey);
  }

  /** After a restart everyone has told everything, or had the time to: now it is decided and advertised. */
  #select(family: Family): void {
    this.tables.byFamily[family]!.deferred = false;
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

  #removePeer(peer: Peer, subcode: CeaseSubcode, leaves: boolean): void {
    peer.session.stop(leaves ? forGood(peer, subcode) : { subcode });
    this.restart.forget(peer);
    this.#stale.purge(peer);
    this.peers.remove(peer);
  }

  /** Nothing of a peer's is stale any more. */
  #staleOver(peer: Peer): void {
    // Sessions that end because we stop are what the journal is for.
    if (!this.#stopping) this.restart.lost(peer);
    this.peers.forgetIfGone(peer);
  }

  #peerChanged(peer: Peer): void {
    if (peer.live === null) this.peers.forgetIfGone(peer);
    else {
      this.peers.shookHands(peer);
      this.#idleTicks = 0;
      if (this.#tickMs !== TICK_MS && !this.#stopping) this.#setTick(TICK_MS);
      if (peer.identity.dynamic) this.bfd?.watch(peer);
    }
  }

  #lookAtMemory(): void {
    if (this.memory.tick()) this.#loop.touch();
  }

  #setTick(ms: number): void {
    this.#tick?.cancel();
    this.#tickMs = ms;
    this.#tick = this.clock.setTimer(ms, () => this.#onTick());
  }

  /** Nobody tells anything, and nothing of before is left. */
  #isIdle(): boolean {
    if (this.tables.rib.pending > 0 || this.memory.refuses) return false;
    for (const peer of this.peers) if (peer.live !== null || peer.restarting) return false;
    return true;
  }

  #onTick(): void {
    if (this.#stopping) return;
    this.#idleTicks = this.#isIdle() ? this.#idleTicks + 1 : 0;
    this.#setTick(this.#idleTicks > IDLE_AFTER_TICKS ? IDLE_TICK_MS : TICK_MS);
    if (this.groups.tick()) this.#loop.touch();
    this.#lookAtMemory();
    this.bfd?.sweep();
    if (this.announcements.tick()) this.#loop.touch();
    void this.startOver.reached;
    // A new policy may accept more, without a word from the peer.
    for (const peer of this.peers) if (peer.live !== null && isLimited(peer)) checkLimits(peer, this.tables, this.log);
  }
}

function* ownRoutes({ originate }: Config): Generator<OriginatedRoute> {
  for (const entry of originate) yield originatedRouteOf(entry);
}

/** From another address of ours we are another peer: nobody comes back for what the one that was has told. */
function comesFromElsewhere(peer: Peer, next: PeerIdentity): boolean {
  const { localAddress } = next.settings;
  const before = peer.identity.settings.localAddress ?? peer.live?.agreed.localAddress.split("%")[0];
  return localAddress !== null && before !== undefined && localAddress !== before;
}
