import { Outbox } from "../../export/members/outbox.ts";
import type { UpdateGroups } from "../../export/update-groups.ts";
import type { LocalAddresses } from "../../kernel/local-addresses.ts";
import type { KernelLink } from "../../kernel/reader.ts";
import type { Clock } from "../../lib/clock.ts";
import { type Family, families, familyName } from "../../lib/family.ts";
import type { Log, LogFields, LogLevel } from "../../lib/log.ts";
import type { UpdateFindings, UpdateReader } from "../../rib/update-reader.ts";
import type { Agreed } from "../../session/agreed.ts";
import type { State } from "../../session/fsm/state.ts";
import type { DownReason, NotificationView, SessionHandlers } from "../../session/handlers.ts";
import type { AttributeFault } from "../../wire/attribute/fault.ts";
import { CeaseError, cease } from "../../wire/errors.ts";
import { decodeRouteRefresh, RefreshKind } from "../../wire/message/route-refresh.ts";
import type { Admission } from "../load/admission.ts";
import type { BackPressure } from "../load/back-pressure.ts";
import type { Convergence } from "../load/convergence.ts";
import { MEMORY_REST_MS } from "../load/memory-guard.ts";
import { type LiveSession, type Peer, sourceInfoOf } from "../peer.ts";
import type { OwnRestart } from "../restart/own-restart.ts";
import type { StaleRoutes } from "../restart/stale-routes.ts";
import type { Tables } from "../tables.ts";
import { checkLimits, setLimits } from "./prefix-limits.ts";
import { SaidReasons } from "./said-reasons.ts";
import { logBug, logFaults, logNotification, logOfPeer, logTwin } from "./session-log.ts";
import type { SessionRules } from "./session-rules.ts";
import type { SessionWatchers } from "./session-watch.ts";
import type { SharedRouterIds } from "./shared-router-ids.ts";

/** What sessions are linked to: the same for all peers. */
export interface LinkParts {
  /** How a session is read, judged and told by today's config. */
  readonly rules: SessionRules;
  /** Where what it tells goes, and who tells it what others told. */
  readonly routes: { readonly tables: Tables; readonly reader: UpdateReader; readonly groups: UpdateGroups };
  /** What outlives sessions: theirs, and ours. */
  readonly restart: { readonly own: OwnRestart; readonly stale: StaleRoutes };
  /** Who must know how much comes in; `admission`: no new sessions while memory is short. */
  readonly load: {
    readonly convergence: Convergence;
    readonly backPressure: BackPressure;
    readonly admission: Admission;
  };
  readonly routerIds: SharedRouterIds;
  readonly log: Log;
  readonly clock: Clock;
  /** A session has come up or gone down; the peer's state is settled. */
  changed(peer: Peer): void;
  /** Who writes down what sessions do. */
  readonly watchers: SessionWatchers;
  /** There is work for the loop. */
  wake(): void;
}

/** Links one peer's session to tables and update groups. One object per peer. */
export class SessionLink implements SessionHandlers, UpdateFindings {
  readonly #peer: Peer;
  readonly #parts: LinkParts;
  /** Of the session that is up or was last: routes that are kept from it are judged by it. */
  #agreed: Agreed | null = null;
  /** Why it doesn't come up, as the log was told: not at each attempt. */
  readonly #hindrances = new SaidReasons();
  /** Our addresses on the session by which its routes are judged and told, as text. */
  #ownAddresses = "";

  constructor(peer: Peer, parts: LinkParts) {
    this.#peer = peer;
    this.#parts = parts;
  }

  established(agreed: Agreed): void {
    const peer = this.#peer;
    const { routes, restart, load, rules } = this.#parts;
    const { tables } = routes;
    if (peer.source === 0 && !load.admission.open) {
      peer.rest = { why: "memory", limits: rules.limits };
      peer.session.fail(cease(CeaseError.OutOfResources), MEMORY_REST_MS);
      return;
    }
    this.#agreed = agreed;
    this.#hindrances.clear();
    peer.everEstablished = true;
    peer.cutOff = false;
    peer.rest = null;
    peer.remoteAs = agreed.remoteAs;
    peer.remoteRouterId = agreed.remoteRouterId;
    const info = sourceInfoOf(peer.identity, agreed);
    if (peer.source === 0) peer.source = tables.sources.add(info);
    else tables.sources.update(peer.source, info);
    tables.bind(peer.source, peer);
    this.#usePolicies(agreed);
    setLimits(peer, tables, rules.limits);
    restart.stale.returned(peer, agreed);
    const live: LiveSession = {
      agreed,
      ...rules.readingOf(peer, agreed),
      source: peer.source,
      outbox: new Outbox(peer.source, peer.session),
      memberships: families.map(() => undefined),
      endOfRibReceived: families.map(() => false),
    };
    peer.live = live;
    restart.own.established(peer, agreed);
    for (const family of agreed.families) this.joinGroup(family);
    this.#say("info", "established", `session with ${peer.address} is up`, {
      as: agreed.remoteAs,
      families: agreed.families.map(familyName).join(" "),
      holdTime: agreed.holdTimeSeconds,
    });
    const twin = peer.settings.kind === "internal" ? this.#parts.routerIds.came(peer) : null;
    if (twin !== null) logTwin(this.#parts.log, peer, twin);
    this.#parts.changed(peer);
    for (const watcher of this.#parts.watchers.list ?? []) watcher.established?.(peer);
    this.#parts.wake();
  }

  /** From now on the peer is told what we know, unless selection is deferred: then it hears nothing, not even End-of-RIB. */
  joinGroup(family: Family): void {
    const peer = this.#peer;
    const { live } = peer;
    const { routes, restart, rules } = this.#parts;
    if (live === null || restart.own.defers(family) || live.memberships[family]) return;
    if (!live.agreed.families.includes(family)) return;
    const { key, policy } = rules.groupOf(peer, live.agreed, family);
    live.memberships[family] = routes.groups.join(key, policy, live.outbox);
  }

  down(reason: DownReason): void {
    const peer = this.#peer;
    const { live } = peer;
    if (live === null) return;
    peer.live = null;
    this.#parts.load.backPressure.forget(peer.session);
    this.#parts.routerIds.left(peer);
    for (const membership of live.memberships) if (membership) this.#parts.routes.groups.leave(membership);
    peer.overLimit.fill(false);
    peer.crowded.fill(false);
    this.#parts.restart.stale.wentAway(peer, live.agreed, reason);
    for (const watcher of this.#parts.watchers.list ?? []) watcher.down?.(peer, reason);
    this.#say("warn", "down", `session with ${peer.address} is down: ${reason.text}`);
    this.#parts.changed(peer);
    this.#parts.wake();
  }

  /**
   * A link of ours is down. Single-hop sessions over it can't go on, and nothing on the wire will tell (their hold timer would).
   * Routes that are kept while the peer restarts are the last resort from now on: it may have been switched off and on again,
   * and a link that comes back says nothing about what is behind it.
   */
  linkDown({ ifindex, name }: KernelLink, local: LocalAddresses): void {
    const peer = this.#peer;
    const agreed = this.#agreed;
    if (agreed === null || peer.source === 0) return;
    if (!local.losesSession(ifindex, agreed.localAddress, agreed.remoteAddress)) return;
    if (peer.live !== null) peer.session.disconnect(`our link ${name} went down`);
    if (!peer.restarting) return;
    peer.cutOff = true;
    this.#parts.routes.tables.reevaluate(peer.source);
    this.#parts.wake();
  }

  update(bytes: Uint8Array, start: number, end: number): void {
    const { live } = this.#peer;
    if (live === null) return;
    this.#parts.load.convergence.heard();
    const { list } = this.#parts.watchers;
    if (list !== null) for (const watcher of list) watcher.received?.(this.#peer, bytes, start, end);
    this.#parts.routes.reader.read(live, bytes, start, end, this);
    if (list !== null) for (const watcher of list) watcher.read?.(this.#peer, bytes, start, end);
    this.#parts.wake();
  }

  chunkDone(): void {
    checkLimits(this.#peer, this.#parts.routes.tables, this.#parts.log);
    if (this.#peer.live !== null) this.#parts.load.backPressure.chunkRead(this.#peer.session);
  }

  routeRefresh(bytes: Uint8Array, start: number, end: number): void {
    const { live } = this.#peer;
    if (live === null) return;
    const { family, kind } = decodeRouteRefresh(bytes, start, end, live.agreed.enhancedRouteRefresh);
    const membership = family === undefined ? undefined : live.memberships[family];
    if (family === undefined || membership === undefined) return;
    if (kind === RefreshKind.Request) {
      membership.group.refresh(membership.member, live.agreed.enhancedRouteRefresh);
      this.#say("info", "route-refresh", `${this.#peer.address} asked for its ${familyName(family)} routes again`);
    } else if (kind === RefreshKind.Begin) {
      // RFC 7313 §4: before End-of-RIB the peer is still telling its routes for the first time.
      if (live.agreed.gracefulRestart !== null && !live.endOfRibReceived[family]) return;
      this.#parts.restart.stale.refreshBegins(this.#peer, family);
    } else if (kind === RefreshKind.End) this.#parts.restart.stale.refreshEnds(this.#peer, family);
    this.#parts.wake();
  }

  endOfRib(family: Family): void {
    const { live } = this.#peer;
    if (live === null) return;
    live.endOfRibReceived[family] = true;
    this.#parts.restart.stale.endOfRib(this.#peer, family);
    this.#say("debug", "end-of-rib", `${this.#peer.address} has told all its ${familyName(family)} routes`);
    this.#parts.restart.own.endOfRib(this.#peer, family);
  }

  faults(faults: readonly AttributeFault[], bytes: Uint8Array): void {
    logFaults(this.#parts.log, this.#peer, faults, bytes);
  }

  stateChanged(from: State, to: State, reason: string): void {
    this.#say("debug", "state", `${this.#peer.address}: ${from} to ${to}${reason === "" ? "" : `, ${reason}`}`, {
      from,
      to,
    });
    for (const watcher of this.#parts.watchers.list ?? []) watcher.stateChanged?.(this.#peer, from, to);
    const failed = to === "Active" || to === "Idle";
    if (failed && from !== "Established") this.hindered(reason);
    // A member of a range that got no further than this is forgotten again.
    if (failed) this.#parts.changed(this.#peer);
  }

  /** Said once for each reason, however often it is tried. */
  hindered(reason: string): void {
    if (reason === "" || !this.#hindrances.isNews(reason, this.#parts.clock.now())) return;
    this.#say("info", "no-session", `no session with ${this.#peer.address} yet: ${reason}`);
  }

  notification(direction: "sent" | "received", notification: NotificationView, text: string): void {
    logNotification(this.#parts.log, this.#peer, direction, notification, text);
  }

  bug(error: unknown): void {
    logBug(this.#parts.log, this.#peer, error);
  }

  restartState(): { restarting: boolean; forwarding: (family: Family) => boolean } {
    return {
      restarting: this.#parts.restart.own.returning,
      // A session that comes back while we run on finds our forwarding as it was, too: without the bit a lost connection would
      // cost what a lost node does.
      forwarding: (family) => this.#peer.everEstablished || this.#parts.restart.own.forwards(family),
    };
  }

  /** Has what `unchanged` and `reconfigured` will take on compiled in slices. */
  *preparing(): Generator<undefined, void> {
    if (this.#agreed !== null && this.#peer.source !== 0) yield* this.#parts.rules.preparing(this.#peer, this.#agreed);
  }

  /**
   * The config was read again and says nothing new of this peer: it takes on today's policies all the same. Else each reload would leave
   * another generation of them behind, with all that they remember, held by whoever has not been touched since; and `explain` would name
   * lines of old. True if there is room now for what was turned away.
   */
  unchanged(): boolean {
    const peer = this.#peer;
    const agreed = this.#agreed;
    if (agreed === null || peer.source === 0) {
      peer.pipeline = null;
      return false;
    }
    this.#takePolicies(agreed);
    return setLimits(peer, this.#parts.routes.tables, this.#parts.rules.limits);
  }

  /**
   * After a reload that leaves the session up: the peer is told, and its routes are judged, as the new config says. Judged are
   * also those that are kept while the peer restarts. True if there is room now for what was turned away.
   */
  reconfigured(): boolean {
    const peer = this.#peer;
    const { live } = peer;
    const { tables, groups } = this.#parts.routes;
    const agreed = this.#agreed;
    if (agreed === null || peer.source === 0) return false;
    const before = tables.sources.info(peer.source);
    const info = sourceInfoOf(peer.identity, agreed);
    tables.sources.update(peer.source, info);
    // Whom its routes go to is another matter now, in every group (RFC 4456 §6).
    if (before?.client !== info.client) groups.reevaluate();
    const room = setLimits(peer, tables, this.#parts.rules.limits);
    this.#takePolicies(agreed);
    checkLimits(peer, tables, this.#parts.log);
    if (live === null || peer.live === null) return false;
    Object.assign(live, this.#parts.rules.readingOf(peer, agreed));
    this.#moveGroups(live, agreed);
    return room;
  }

  /**
   * Addresses of this machine have come or gone: what the peer is told, or its routes are given, as our next hop may be another one now.
   */
  ownAddressesChanged(): void {
    const { live, source } = this.#peer;
    const agreed = this.#agreed;
    if (agreed === null || source === 0) return;
    // Of most that happens to a host's addresses no session hears anything, however many there are.
    if (String(this.#parts.rules.ownOf(this.#peer, agreed).addresses) === this.#ownAddresses) return;
    this.#takePolicies(agreed);
    if (live !== null) this.#moveGroups(live, agreed);
  }

  /** To the groups where the peer belongs by now; it hears the difference. */
  #moveGroups(live: LiveSession, agreed: Agreed): void {
    for (const family of agreed.families) {
      const membership = live.memberships[family];
      if (membership === undefined) continue;
      const { key, policy } = this.#parts.rules.groupOf(this.#peer, agreed, family);
      live.memberships[family] = this.#parts.routes.groups.move(membership, key, policy);
    }
    this.#parts.wake();
  }

  /** Judges the peer's routes again if its policies are others now. */
  #takePolicies(agreed: Agreed): void {
    if (!this.#usePolicies(agreed)) return;
    this.#parts.routes.tables.reevaluate(this.#peer.source);
    this.#parts.wake();
  }

  #usePolicies(agreed: Agreed): boolean {
    this.#ownAddresses = String(this.#parts.rules.ownOf(this.#peer, agreed).addresses);
    return this.#parts.rules.usePolicies(this.#peer, agreed);
  }

  #say(level: LogLevel, name: string, message: string, fields: LogFields = {}): void {
    logOfPeer(this.#parts.log, this.#peer, level, name, message, fields);
  }
}
