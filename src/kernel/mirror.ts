import type { Prefix } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { Family, families } from "../lib/family.ts";
import type { Hasher } from "../lib/hash.ts";
import { Doubts } from "./doubts.ts";
import { DumpQueue } from "./dump-queue.ts";
import { addressKey, KernelLinks } from "./links.ts";
import type { FibOs, NetlinkEventSocket } from "./os-port.ts";
import type { KernelAddress, KernelEvents, KernelLink, KernelNeighbour, KernelReader, KernelRoute } from "./reader.ts";
import { KernelRoutes, type MarkedRoutes } from "./routes.ts";
import * as nl from "./rtnetlink/constants.ts";
import {
  appendAddressDump,
  appendLinkDump,
  linkMessageFamily,
  parseAddressMessage,
  parseLink,
} from "./rtnetlink/link.ts";
import { eachMessage } from "./rtnetlink/message.ts";
import { appendNeighbourDump, neighbourLink, parseNeighbour } from "./rtnetlink/neighbour.ts";
import { appendNexthopDump, parseNexthop } from "./rtnetlink/nexthop.ts";
import type { RouteScope } from "./rtnetlink/route.ts";
import { appendRouteDump, type RouteDumpFilter, RouteView } from "./rtnetlink/route.ts";

/** Events taken in per turn of the loop. */
const EVENTS_PER_TURN = 512;

/**
 * The kernel tells that a link or an address is going before it removes the routes on it, and tells nothing of those.
 * So they are looked at twice: soon, and once more when even a busy kernel is done.
 */
const CHECK_DELAYS_MS = [5, 300];

export interface MirrorOptions {
  readonly os: FibOs;
  readonly clock: Clock;
  /** Our mark; null if we don't write to this kernel (memory). */
  readonly scope: RouteScope | null;
  /** Our table; null if routes are nobody's business: links and addresses alone are heard of and read. */
  readonly table: number | null;
  readonly hasher: Hasher;
  readonly nexthopObjects: boolean;
}

/**
 * What the kernel has, kept by events. One socket hears; another asks for dumps, in slices, one at a time. While a full
 * reading runs, whatever an event has touched is believed over the reading, which is older.
 */
export class KernelMirror implements KernelReader {
  /** Times that the kernel dropped events and everything was read again. */
  resyncs = 0;
  readonly #options: MirrorOptions;
  readonly #links: KernelLinks;
  readonly #routes: KernelRoutes;
  readonly #doubts: Doubts;
  readonly #listeners = new Set<KernelEvents>();
  readonly #tables: ReadonlySet<number>;
  readonly #view = new RouteView();
  #own: MarkedRoutes | null = null;
  #events: NetlinkEventSocket | null = null;
  #dumps: DumpQueue | null = null;
  /** Links and addresses that events told of during a reading; null when none runs. */
  #touched: Set<string> | null = null;
  #again = false;
  /** Events are being taken in; readings that they ask for wait until the last is. */
  #draining = false;
  readonly #suspected = new Map<number, (() => void)[]>();
  /** Events were lost. */
  #overrun = false;
  #changed = false;
  /** Something changed that may let a failed write succeed. */
  #hopeful = false;
  readonly #suspects = new Map<number, Timer[]>();
  #closed = false;
  #synced = false;

  constructor(options: MirrorOptions) {
    this.#options = options;
    const tell = (what: (to: KernelEvents) => void, hopeful: boolean) => {
      this.#changed = true;
      if (hopeful) this.#hopeful = true;
      this.#tell(what);
    };
    this.#doubts = new Doubts(options.clock, (done) => this.audit(0, done));
    this.#routes = new KernelRoutes({
      scope: options.scope,
      hasher: options.hasher,
      own: () => this.#own,
      tell,
      doubt: () => this.doubt(),
    });
    this.#links = new KernelLinks({
      tell,
      down: (ifindex, removed) => this.#routes.linkDown(ifindex, removed),
      suspect: (ifindex) => this.#suspect(ifindex),
      hasDeadHopOn: (ifindex) => this.#routes.foreign.hasDeadHopOn(ifindex),
      addressGone: (address) => this.#sourceGone(address),
    });
    const { table } = options;
    this.#tables = new Set(table === null ? [] : [nl.RT_TABLE_MAIN, nl.RT_TABLE_LOCAL, table]);
  }

  get links(): ReadonlyMap<number, KernelLink> {
    return this.#links.links;
  }

  /** Opens the sockets. @throws Error with one sentence. */
  open(own: MarkedRoutes | null): void {
    this.#own = own;
    this.#dumps = new DumpQueue(this.#options.os.openNetlink(), this.#options.clock);
    this.#events = this.#options.os.openNetlinkEvents(this.#tables.size > 0);
    this.#events.onReadable(() => this.drain());
  }

  /** Changes made by this port id are our own writer's and are not heard. */
  ignoreWriter(portId: number): void {
    this.#events?.ignoreWriter(portId);
  }

  close(): void {
    this.#closed = true;
    this.#doubts.close();
    for (const timers of this.#suspects.values()) for (const timer of timers) timer.cancel();
    this.#suspects.clear();
    this.#events?.close();
    this.#dumps?.close();
  }

  subscribe(events: KernelEvents): () => void {
    this.#listeners.add(events);
    if (events.neighbour !== undefined || events.neighbourGone !== undefined) this.#events?.hearNeighbours();
    for (const link of this.links.values()) events.link?.(link);
    for (const [, address] of this.#links.addresses()) events.address?.(address);
    if (events.route !== undefined) for (const route of this.#routes.foreign.all()) events.route(route);
    if (this.#synced) events.synced?.();
    return () => void this.#listeners.delete(events);
  }

  linkByName(name: string): KernelLink | undefined {
    for (const link of this.links.values()) if (link.name === name) return link;
    return undefined;
  }

  neighbours(ifindex: number, done: (entries: readonly KernelNeighbour[]) => void): void {
    const entries: KernelNeighbour[] = [];
    for (const family of [nl.AF_INET, nl.AF_INET6, nl.AF_BRIDGE])
      this.#dumps!.add({
        append: (out, sequence) => appendNeighbourDump(out, sequence, family, ifindex),
        row: (type, _flags, bytes, start, end) => {
          // a kernel that can't filter sends those of every link
          if (type === nl.RTM_NEWNEIGH && neighbourLink(bytes, start) === ifindex)
            entries.push(parseNeighbour(bytes, start, end));
        },
        done: () => {},
      });
    this.#dumps!.step(() => done(entries));
  }

  /** Other owners' routes of exactly this prefix in our table. */
  foreignAt(prefix: Prefix): readonly KernelRoute[] {
    if (this.#options.scope === null) return []; // a FIB in memory shares no table with anyone
    return this.#routes.foreign.at(prefix);
  }

  /** Reads everything anew; `done` comes when the listeners know the difference. */
  resync(done: () => void): void {
    this.#dumps!.together(() => this.#readAll(done));
  }

  #readAll(done: () => void): void {
    const seenLinks = new Set<number>();
    const seenAddresses = new Set<string>();
    this.#begin();
    this.#dumps!.add({
      append: appendLinkDump,
      row: (type, _flags, bytes, start, end) => {
        if (type !== nl.RTM_NEWLINK) return;
        const link = parseLink(bytes, start, end);
        seenLinks.add(link.ifindex);
        if (!this.#touched!.has(`link ${link.ifindex}`)) this.#links.link(link);
      },
      done: () => {},
    });
    this.#dumps!.add({
      append: appendAddressDump,
      row: (type, _flags, bytes, start, end) => {
        if (type !== nl.RTM_NEWADDR) return;
        const address = parseAddressMessage(bytes, start, end);
        if (address === undefined) return;
        const key = addressKey(address);
        seenAddresses.add(key);
        if (!this.#touched!.has(`address ${key}`)) this.#links.address(address);
      },
      done: () => {
        for (const [key, address] of this.#links.addresses())
          if (!seenAddresses.has(key) && !this.#touched!.has(`address ${key}`)) this.#links.addressGone(address);
      },
    });
    this.#readRoutes(0);
    this.#end(0, () => {
      for (const [ifindex, link] of this.links)
        if (!seenLinks.has(ifindex) && !this.#touched!.has(`link ${ifindex}`)) this.#links.linkGone(link);
      this.#synced = this.#changed = true;
      done();
    });
  }

  /** Reads the routes through one interface (0 = all) again, ours and others', and tells which are missing. */
  audit(ifindex: number, done: () => void = () => {}): void {
    if (this.#draining) {
      this.#suspected.set(ifindex, [...(this.#suspected.get(ifindex) ?? []), done]);
      return;
    }
    this.#dumps!.together(() => {
      this.#begin();
      this.#readRoutes(ifindex);
      this.#end(ifindex, done);
    });
  }

  /** Something can't be told from what was heard alone: everything is read again soon, and seldom. */
  doubt(): void {
    this.#doubts.raise();
  }

  /** A reading is a run of jobs: from here on, events are newer than what it brings. */
  #begin(): void {
    this.#dumps!.step(() => {
      this.drain(Number.POSITIVE_INFINITY); // so that every event heard from now on is newer than the reading
      this.#touched = new Set();
      this.#routes.readingBegins();
    });
  }

  #readRoutes(ifindex: number): void {
    if (this.#options.nexthopObjects) this.#readNexthops();
    for (const table of this.#tables)
      for (const family of families) this.#dumpRoutes(ifindex === 0 ? { family, table } : { family, table, ifindex });
  }

  /** What the reading has not brought is gone. */
  #end(ifindex: number, done: () => void): void {
    this.#dumps!.step(() => {
      this.#hear(Number.POSITIVE_INFINITY); // so that every event heard from now on is newer than what was read
      if (this.#overrun) this.#resyncAfterOverrun();
      this.#routes.readingEnds(ifindex);
      done();
      this.#touched = null;
      this.#settle();
      if (!this.#again) return;
      this.#again = false;
      this.resync(() => {});
    });
  }

  /** Takes in the events that wait, at most `most`; called by the socket, and before routes are written. */
  drain(most = EVENTS_PER_TURN): void {
    const heardAll = this.#hear(most);
    this.#settle();
    // what still waits is older than the loss: first that, then the reading, which is newer
    if (this.#overrun && heardAll) this.#resyncAfterOverrun();
  }

  /** Takes in events; whether none waits any more. */
  #hear(most: number): boolean {
    const socket = this.#events;
    if (socket === null || this.#closed) return false;
    // Listeners may come back here: what they would read lies in the buffer that is being looked at.
    if (this.#draining) return false;
    this.#draining = true;
    let empty = false;
    for (let i = 0; i < most && !this.#closed; i++) {
      const length = socket.receive();
      if (length === 0) {
        empty = true;
        break;
      }
      if (length === -nl.ENOBUFS) this.#overrun = true;
      if (length < 0) continue;
      eachMessage(socket.buffer, length, (type, flags, start, end) =>
        this.#event(type, flags, socket.buffer, start, end),
      );
    }
    this.#draining = false;
    const suspected = [...this.#suspected];
    this.#suspected.clear();
    for (const [ifindex, done] of suspected)
      this.audit(ifindex, () => {
        for (const each of done) each();
      });
    return empty;
  }

  #resyncAfterOverrun(): void {
    this.#overrun = false;
    this.resyncs++;
    this.#tell((to) => to.lost?.());
    if (this.#touched === null && !this.#dumps!.running) this.resync(() => {});
    else this.#again = true; // the reading that runs may have missed it: once more after it
  }

  /** The end of a burst: now is the time for listeners to decide. */
  #settle(): void {
    if (!this.#changed) return;
    this.#changed = false;
    if (this.#synced) this.#tell((to) => to.synced?.());
    if (!this.#hopeful) return;
    this.#hopeful = false;
    this.#own?.kernelChanged();
  }

  #event(type: number, flags: number, bytes: Uint8Array, start: number, end: number): void {
    switch (type) {
      case nl.RTM_NEWLINK:
      case nl.RTM_DELLINK: {
        if (linkMessageFamily(bytes, start) === nl.AF_BRIDGE) return;
        const link = parseLink(bytes, start, end);
        this.#touched?.add(`link ${link.ifindex}`);
        if (type === nl.RTM_NEWLINK) this.#links.link(link);
        else this.#links.linkGone(link);
        return;
      }
      case nl.RTM_NEWADDR:
      case nl.RTM_DELADDR: {
        const address = parseAddressMessage(bytes, start, end);
        if (address === undefined) return;
        this.#touched?.add(`address ${addressKey(address)}`);
        if (type === nl.RTM_NEWADDR) this.#links.address(address);
        else this.#links.addressGone(address);
        return;
      }
      case nl.RTM_NEWROUTE:
      case nl.RTM_DELROUTE:
        this.#routeEvent(type, flags, bytes, start, end);
        return;
      case nl.RTM_NEWNEIGH:
      case nl.RTM_DELNEIGH: {
        if (this.links.get(neighbourLink(bytes, start))?.kind !== "vxlan") return;
        const entry = parseNeighbour(bytes, start, end);
        this.#changed = true;
        this.#tell((to) => (type === nl.RTM_NEWNEIGH ? to.neighbour?.(entry) : to.neighbourGone?.(entry)));
        return;
      }
      case nl.RTM_NEWNEXTHOP:
      case nl.RTM_DELNEXTHOP: {
        const nexthop = parseNexthop(bytes, start, end);
        const gone = type === nl.RTM_DELNEXTHOP;
        if (gone) this.#own?.nexthopGone(nexthop);
        else this.#own?.nexthop(nexthop, false);
        if (gone || (flags & nl.NLM_F_REPLACE) !== 0) this.#routes.objectChanged(nexthop.id, gone);
        return;
      }
    }
  }

  #routeEvent(type: number, flags: number, bytes: Uint8Array, start: number, end: number): void {
    const view = this.#view;
    view.parse(bytes, start, end);
    if (!view.usable || !this.#tables.has(view.table)) return;
    if (type === nl.RTM_DELROUTE) this.#routes.left(view);
    else if ((flags & nl.NLM_F_REPLACE) !== 0) this.#routes.arrived(view, "replace");
    else this.#routes.arrived(view, (flags & nl.NLM_F_APPEND) !== 0 ? "append" : "add");
  }

  /** Routes on this interface may have died without a word. */
  #suspect(ifindex: number): void {
    if (this.#closed || !this.links.has(ifindex)) return; // of a link that is gone all is known
    if (!this.#routes.uses(ifindex)) return;
    for (const timer of this.#suspects.get(ifindex) ?? []) timer.cancel();
    const timers = CHECK_DELAYS_MS.map((delay, i) =>
      this.#options.clock.setTimer(delay, () => {
        if (i === CHECK_DELAYS_MS.length - 1) this.#suspects.delete(ifindex);
        // a route over a group that lost a member no longer shows the interface: then only a whole reading tells
        if (this.links.has(ifindex)) this.audit(this.#options.nexthopObjects ? 0 : ifindex);
      }),
    );
    this.#suspects.set(ifindex, timers);
  }

  /** IPv4 routes that prefer a source address go with it, on whatever interface; some kernels tell nothing of it. */
  #sourceGone({ family, words }: KernelAddress): void {
    if (family === Family.Ipv4Unicast)
      for (const ifindex of new Set(this.#routes.foreign.withSource(words[0]!))) this.#suspect(ifindex);
  }

  #tell(what: (to: KernelEvents) => void): void {
    for (const listener of this.#listeners) what(listener);
  }

  #readNexthops(): void {
    let begun = false;
    this.#dumps!.add({
      append: (out, sequence) => {
        if (!begun) this.#own?.nexthopsBegin();
        begun = true;
        appendNexthopDump(out, sequence);
      },
      row: (type, _flags, bytes, start, end) => {
        if (type === nl.RTM_NEWNEXTHOP) this.#own?.nexthop(parseNexthop(bytes, start, end), true);
      },
      done: () => this.#own?.nexthopsEnd(),
    });
  }

  #dumpRoutes(filter: RouteDumpFilter): void {
    let asked = false;
    this.#dumps!.add({
      append: (out, sequence) => {
        if (asked) this.#routes.foreign.rowsRepeat();
        asked = true;
        appendRouteDump(out, sequence, filter);
      },
      row: (type, _flags, bytes, start, end) => {
        if (type !== nl.RTM_NEWROUTE) return;
        const view = this.#view;
        view.parse(bytes, start, end);
        // a kernel that can't filter sends everything: the filter is applied here as well
        if (view.usable && view.table === filter.table) this.#routes.row(view);
      },
      done: () => {}, // ENOENT: a table that has no routes yet
    });
  }
}
