import type { KernelMirror } from "../kernel/mirror.ts";
import type { WriterLink } from "../kernel/os-port.ts";
import type { FibTarget, WriterStats } from "../kernel/records.ts";
import type { RouteScope } from "../kernel/rtnetlink/route.ts";
import type { Prefix } from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import { Family } from "../lib/family.ts";
import type { Hasher } from "../lib/hash.ts";
import type { Log } from "../lib/log.ts";
import { onePrefix, type PrefixWords } from "../lib/prefix-words.ts";
import { Barriers } from "./barriers.ts";
import { ContestedRoutes } from "./contested-routes.ts";
import { DeviceRequests } from "./device-requests.ts";
import { DirtyRoutes } from "./dirty-routes.ts";
import { createCounters } from "./fib-counters.ts";
import type { FibCounters, FibGroup, FibPort, FibResult, FibRoute, FibRow } from "./fib-port.ts";
import { FibRows } from "./fib-rows.ts";
import { FibTable, Mark } from "./fib-table.ts";
import { Flight } from "./flight.ts";
import { GroupTable } from "./groups.ts";
import { HeldRoutes } from "./held-routes.ts";
import { KernelPump } from "./kernel-pump.ts";
import { NexthopObjects } from "./nexthop-objects.ts";
import { Outcomes } from "./outcomes.ts";
import { RefusedRoutes } from "./refused-routes.ts";
import { RetargetedGroups } from "./retargeted-groups.ts";
import { RouteAnswers } from "./route-answers.ts";
import { RoutePlan } from "./route-plan.ts";
import { TargetStore } from "./targets.ts";
import { ToldTargets } from "./told-targets.ts";
import { WriteQueue } from "./write-queue.ts";
import { WriteTurns } from "./write-turns.ts";
import { WriterSession } from "./writer-session.ts";

const CLOSE_WITHIN_MS = 10_000;
/** At a start, whoever has our mark gets so long to end: the writer of a daemon that was killed a moment ago, for example. */
const TAKEN_FOR_MS = 5000;

export interface FibClientOptions {
  readonly scope: RouteScope;
  readonly clock: Clock;
  readonly log: Log;
  readonly hasher: Hasher;
  /** Null if nothing is read back: the memory FIB. */
  readonly mirror: KernelMirror | null;
  /** Starts or finds the writer. @throws Error with one sentence. */
  connect(): WriterLink;
  readonly nexthopObjects: boolean;
  /** Whether answers come before `send` returns. */
  readonly synchronous: boolean;
  errorText(errno: number): string;
}

/**
 * Keeps intent and kernel equal. Both stand side by side per prefix: `want`, from the speaker, and `held`, what the
 * kernel has of ours as far as we know: from our own successful writes, from the first reading, from events of what
 * others did, from readings after a link went away. Whenever one of the two changes the prefix is queued, once; the pump
 * takes it out, compares the two and writes the difference. Adoption, repair, retry, coalescing and resync are all that.
 */
export class FibClient implements FibPort {
  readonly counters: FibCounters;
  readonly devices: DeviceRequests;
  readonly ready: Promise<void>;
  readonly #options: FibClientOptions;
  readonly #tables: readonly [FibTable, FibTable];
  /** (id << 1 | family) of what is to be looked at. */
  readonly #queue = new WriteQueue();
  readonly #turns: WriteTurns;
  readonly #dirty: DirtyRoutes;
  readonly #targets = new TargetStore();
  readonly #objects: NexthopObjects | null;
  readonly #groups: GroupTable;
  readonly #rows: FibRows;
  readonly #refused: RefusedRoutes;
  readonly #contested: ContestedRoutes;
  readonly #retargeted: RetargetedGroups;
  readonly #held: HeldRoutes;
  readonly #writer: WriterSession;
  readonly #told: ToldTargets;
  readonly #barriers: Barriers;
  readonly #answers: RouteAnswers;
  /** The kernel was read once. */
  #read = false;
  /** Counts writers that came and went. */
  #incarnation = 0;
  #readyOnce: { resolve(): void; reject(error: Error): void } | null;
  #closing: { done: () => void } | null = null;
  /** Since when another process has our mark, at the start. */
  #takenSince: number | null = null;
  /** The last reason for which the writer was lost: said once while it stays the same. */
  #lostTold = "";
  #closed = false;

  /** Each part is made of those above it: what is wanted, what is held, how it is written, what the writer answers. */
  constructor(options: FibClientOptions) {
    const { scope, clock, log, mirror, errorText, synchronous } = options;
    this.#options = options;
    const tables = [
      new FibTable(Family.Ipv4Unicast, options.hasher),
      new FibTable(Family.Ipv6Unicast, options.hasher),
    ] as const;
    const targets = this.#targets;
    const queue = this.#queue;
    const turns = new WriteTurns(clock);
    const dirty = new DirtyRoutes(queue, turns);
    const retargeted = new RetargetedGroups(tables, dirty, turns);
    const flight = new Flight();
    const counters = createCounters(queue, flight, mirror);
    const objects = options.nexthopObjects ? new NexthopObjects(scope.protocol, turns) : null;
    const groups = new GroupTable(targets, objects);
    const rows = new FibRows({ scope, tables, targets, groups, mirror });
    const refused = new RefusedRoutes({ tables, clock, log, errorText, targets, groups, objects, dirty, rows });
    const prefixText = (table: FibTable, id: number) => rows.prefix(table, id);
    const contested = new ContestedRoutes({ tables, clock, log, dirty, prefixText });
    rows.contested = contested;
    const intents = { scope, mirror, tables, targets, objects, groups };
    const held = new HeldRoutes({ ...intents, counters, dirty, rows, refused, contested });
    const outcomes = new Outcomes({ held, refused, rows, mirror, counters, dirty });

    const connect = () => options.connect();
    const writer = new WriterSession({ scope, clock, log, errorText, connect, turns, flight, synchronous });
    const told = new ToldTargets(targets, writer.out);
    const devices = new DeviceRequests(writer.out, turns);
    const barriers = new Barriers(queue, flight, devices, objects);
    const plan = new RoutePlan({ targets, groups, objects, refused, contested, outcomes });
    const pump = new KernelPump({
      clock,
      synchronous,
      mirror,
      tables,
      targets,
      objects,
      refused,
      retargeted,
      plan,
      waiting: { queue, turns, flight, devices, barriers },
      writer,
      told,
    });
    this.#answers = new RouteAnswers({ tables, targets, dirty, flight, refused, outcomes, barriers, pump });
    targets.onFree((_id, target) => {
      if (target.type === "object") objects?.unused(target.nexthopId);
    });

    this.#tables = tables;
    this.#turns = turns;
    this.#dirty = dirty;
    this.counters = counters;
    this.#objects = objects;
    this.#groups = groups;
    this.#rows = rows;
    this.#refused = refused;
    this.#contested = contested;
    this.#retargeted = retargeted;
    this.#held = held;
    this.#writer = writer;
    this.#told = told;
    this.devices = devices;
    this.#barriers = barriers;
    let settle!: { resolve(): void; reject(error: Error): void };
    this.ready = new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.ready.catch(() => {}); // whoever waits hears of it; nobody must
    this.#readyOnce = settle;
  }

  /** Connects the writer and reads the kernel. */
  start(): void {
    try {
      this.#options.mirror?.open(this.#held);
    } catch (error) {
      this.#readyOnce?.reject(error instanceof Error ? error : new Error(String(error)));
      this.#readyOnce = null;
      this.#options.log.event("error", "fib-unavailable", (error as Error).message);
      return;
    }
    this.#writer.connect({
      welcome: (portId) => this.#welcome(portId),
      lost: (reason, taken) => this.#lost(reason, taken),
      done: (sequence) => this.#answers.done(sequence),
      failed: (sequence, errno, text) => this.#answers.failed(sequence, errno, text),
    });
  }

  // --- intents ------------------------------------------------------------------------------------------------------

  openGroup(target: FibTarget): FibGroup {
    return this.#groups.open(target);
  }

  retarget(group: FibGroup, target: FibTarget): void {
    this.#groups.check(group);
    if (this.#groups.retarget(group, target) && this.#groups.routes(group) > 0) this.#retargeted.add(group);
  }

  releaseGroup(group: FibGroup): void {
    this.#groups.check(group);
    this.#groups.release(group);
  }

  want(prefixes: PrefixWords, prefixId: number, group: FibGroup | 0, source = 0): void {
    const table = this.#tables[prefixes.family];
    const wide = prefixes.family === Family.Ipv6Unicast;
    const w0 = prefixes.word(prefixId, 0);
    const w1 = wide ? prefixes.word(prefixId, 1) : 0;
    const w2 = wide ? prefixes.word(prefixId, 2) : 0;
    const w3 = wide ? prefixes.word(prefixId, 3) : 0;
    const length = prefixes.length(prefixId);
    const id = group === 0 ? table.prefixes.find(w0, w1, w2, w3, length) : table.insert(w0, w1, w2, w3, length);
    this.#want(table, id, group, source);
  }

  set(route: FibRoute): void {
    this.want(onePrefix(route), 0, this.#groups.sharedFor(route));
  }

  remove(prefix: Prefix): void {
    this.want(onePrefix(prefix), 0, 0);
  }

  sweep(family: Family): void {
    this.#held.swept[family] = true;
    const table = this.#tables[family];
    for (let id = 1; id < table.prefixes.limit; id++) {
      if ((table.marks.get(id) & Mark.Adopted) === 0) continue;
      table.unmark(id, Mark.Adopted);
      this.counters.swept++;
      this.#dirty.add(table, id);
    }
    if (this.#held.swept[0] && this.#held.swept[1])
      this.#objects?.collect((nexthopId) => this.#targets.known({ type: "object", nexthopId }));
  }

  adopted(family: Family): number {
    return this.#held.adopted[family]!;
  }

  barrier(done: () => void): void {
    this.#retargeted.flush();
    this.#barriers.add(done);
    this.#turns.ask();
    this.#options.clock.defer(() => this.#barriers.check());
  }

  onResult(listener: (result: FibResult) => void): void {
    this.#rows.onResult(listener);
  }

  close(keep: boolean): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed || this.#closing !== null) {
        resolve();
        return;
      }
      const finish = (hung = false) => {
        if (this.#closed) return;
        deadline.cancel();
        this.#shut(hung);
        resolve();
      };
      this.#closing = { done: () => finish() };
      const deadline = this.#options.clock.setTimer(CLOSE_WITHIN_MS, () => {
        this.#options.log.event(
          "warn",
          "fib-close-timeout",
          `The kernel's routes could not all be written within ${CLOSE_WITHIN_MS / 1000} s; ${this.#queue.length} are left as they were`,
        );
        finish(true);
      });
      if (!this.#turns.open) {
        finish();
        return;
      }
      if (!keep)
        for (const table of this.#tables)
          for (let id = 1; id < table.prefixes.limit; id++) {
            if (!table.prefixes.has(id)) continue;
            table.unmark(id, Mark.Adopted);
            this.#want(table, id, 0);
            if (table.held.get(id) !== 0) this.#dirty.add(table, id);
          }
      this.barrier(() => {
        if (!keep) this.#objects?.removeAll();
        this.barrier(() => finish());
      });
    });
  }

  #want(table: FibTable, id: number, group: FibGroup, source = 0): void {
    if (id === 0) return;
    const before = table.want.get(id);
    if (before !== group) {
      if (group !== 0) this.#groups.addRoute(group);
      table.want.set(id, group);
      if (before !== 0) this.#groups.removeRoute(before);
    } else if (group !== 0 || table.held.get(id) === 0) return; // nothing new
    if (group !== 0) table.unmark(id, Mark.Adopted);
    else if ((table.marks.get(id) & Mark.Adopted) !== 0) return; // not ours to decide before the sweep
    this.#dirty.add(table, id, source);
  }

  get writerTrouble(): string | null {
    return this.#writer.trouble;
  }

  writerStats(): Promise<WriterStats | null> {
    return this.#turns.open ? this.#writer.stats() : Promise.resolve(null);
  }

  // --- answers ------------------------------------------------------------------------------------------------------

  #welcome(portId: number): void {
    const incarnation = ++this.#incarnation;
    this.#lostTold = "";
    this.#told.clear();
    const mirror = this.#options.mirror;
    const open = () => {
      if (this.#closed || incarnation !== this.#incarnation) return;
      if (!this.#read) this.#groups.adopt();
      this.#read = this.#turns.open = true;
      this.#readyOnce?.resolve();
      this.#readyOnce = null;
      this.devices.opened(true);
      this.#turns.ask();
    };
    mirror?.ignoreWriter(portId);
    if (mirror === null) open();
    else mirror.resync(open);
  }

  #lost(reason: string, taken: boolean): boolean {
    if (taken && this.#readyOnce !== null) return this.#taken(reason);
    this.#incarnation++;
    this.#turns.open = false;
    this.devices.opened(false);
    this.#objects?.forgetFlights();
    this.#answers.lost(reason);
    this.#readyOnce?.reject(new Error(reason));
    this.#readyOnce = null;
    if (this.#lostTold !== reason)
      this.#options.log.event("error", "fib-writer-lost", `${reason}; it is started again and the kernel is read anew`);
    this.#lostTold = reason;
    if (this.#closing !== null) {
      this.#closing.done();
      return false;
    }
    this.counters.writerRestarts++;
    return true;
  }

  /** Before anything was read or written: the start waits a moment, and is refused then. */
  #taken(reason: string): boolean {
    const { clock, log } = this.#options;
    if (this.#takenSince === null) {
      this.#takenSince = clock.now();
      log.event("warn", "fib-mark-taken", `${reason}; it gets ${TAKEN_FOR_MS / 1000} s to end`);
    }
    if (clock.now() - this.#takenSince < TAKEN_FOR_MS) return true;
    const advice = "stop it, or give this daemon another kernel.table, kernel.protocol or kernel.metric";
    this.#readyOnce?.reject(
      new Error(`Cannot write kernel routes: ${reason}, and would take ours for leftovers of its own; ${advice}`),
    );
    this.#readyOnce = null;
    return false;
  }

  // --- answers to people --------------------------------------------------------------------------------------------

  rows(): Iterable<FibRow> {
    this.#retargeted.flush();
    return this.#rows.all();
  }

  list(): FibRow[] {
    this.#retargeted.flush();
    return [...this.#rows.all()];
  }

  row(prefix: Prefix): FibRow | undefined {
    this.#retargeted.flush();
    return this.#rows.one(prefix);
  }

  // --- ends ---------------------------------------------------------------------------------------------------------

  /** @param hung the writer didn't answer in time. */
  #shut(hung: boolean): void {
    this.#closed = true;
    this.#turns.open = false;
    this.#refused.close();
    this.#contested.close();
    this.#options.mirror?.close();
    this.#writer.close(hung);
  }
}
