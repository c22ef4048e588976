import type { KernelMirror } from "../kernel/mirror.ts";
import type { WriterLink } from "../kernel/os-port.ts";
import type { FibTarget, WriterStats } from "../kernel/records.ts";
import type { KernelTarget, RouteScope } from "../kernel/rtnetlink/route.ts";
import type { Clock } from "../lib/clock.ts";
import { Family } from "../lib/family.ts";
import type { Hasher } from "../lib/hash.ts";
import type { Log } from "../lib/log.ts";
import { Barriers } from "./barriers.ts";
import { DeviceRequests } from "./device-requests.ts";
import { FailedRoutes } from "./failed-routes.ts";
import type { FibCounters, FibGroup, FibPort, FibResult, FibRoute, FibRow } from "./fib-port.ts";
import { FibRows } from "./fib-rows.ts";
import { FibTable, Mark } from "./fib-table.ts";
import { Flight, type Landed } from "./flight.ts";
import { GroupTable } from "./groups.ts";
import { HeldRoutes } from "./held-routes.ts";
import { KernelPump } from "./kernel-pump.ts";
import { NexthopObjects } from "./nexthop-objects.ts";
import { Outcomes } from "./outcomes.ts";
import { type TargetId, TargetStore } from "./targets.ts";
import { ToldTargets } from "./told-targets.ts";
import { WriteQueue } from "./write-queue.ts";
import { WriterSession } from "./writer-session.ts";

const CLOSE_WITHIN_MS = 10_000;

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
  readonly #targets = new TargetStore((id, target) => this.#forget(id, target));
  readonly #objects: NexthopObjects | null;
  readonly #groups: GroupTable;
  /** (id << 1 | family) of what is to be looked at. */
  readonly #queue = new WriteQueue();
  readonly #held: HeldRoutes;
  readonly #troubles: FailedRoutes;
  readonly #barriers: Barriers;

  readonly #writer: WriterSession;
  readonly #pump: KernelPump;
  readonly #outcomes: Outcomes;
  readonly #rows: FibRows;
  readonly #told: ToldTargets;
  /** The kernel was read once. */
  #read = false;
  /** Counts writers that came and went. */
  #incarnation = 0;
  #readyOnce: { resolve(): void; reject(error: Error): void } | null;

  readonly #flight = new Flight();

  #listener: (result: FibResult) => void = () => {};
  #closing: { done: () => void } | null = null;
  #closed = false;

  constructor(options: FibClientOptions) {
    this.#options = options;
    this.#tables = [new FibTable(Family.Ipv4Unicast, options.hasher), new FibTable(Family.Ipv6Unicast, options.hasher)];
    this.#objects = options.nexthopObjects
      ? new NexthopObjects(options.scope.protocol, () => this.#pump.schedule())
      : null;
    this.#groups = new GroupTable(this.#targets, this.#objects);
    const { scope, clock, mirror, errorText } = options;
    this.#rows = new FibRows({ scope, tables: this.#tables, targets: this.#targets, groups: this.#groups, mirror });
    this.#writer = new WriterSession({
      scope,
      clock,
      errorText,
      connect: () => options.connect(),
      welcome: (portId) => this.#welcome(portId),
      done: (sequence) => this.#done(sequence),
      failed: (sequence, errno, text) => this.#failed(sequence, errno, text),
      drained: () => this.#pump.schedule(),
      lost: (reason) => this.#lost(reason),
    });
    this.#told = new ToldTargets(this.#targets, this.#writer.out);
    this.devices = new DeviceRequests(this.#writer.out, () => this.#pump.schedule());
    const othersWait = () => this.devices.length > 0 || this.#objects?.dirty === true;
    this.#barriers = new Barriers(this.#queue, this.#flight, othersWait);
    this.#pump = new KernelPump({
      clock,
      synchronous: options.synchronous,
      mirror,
      tables: this.#tables,
      targets: this.#targets,
      groups: this.#groups,
      objects: this.#objects,
      queue: this.#queue,
      flight: this.#flight,
      writer: this.#writer,
      told: this.#told,
      devices: this.devices,
      barriers: this.#barriers,
      troubles: () => this.#troubles,
      outcomes: () => this.#outcomes,
    });
    const enqueue = (table: FibTable, id: number) => this.#pump.enqueue(table, id);
    const wanted = (table: FibTable, id: number) => this.#pump.wanted(table, id);
    const report = (table: FibTable, id: number) => this.#report(table, id);
    const operation = () => ({ ok: 0, failed: 0, overridden: 0 });
    const queue = this.#queue;
    this.counters = {
      installed: 0,
      operations: { add: operation(), replace: operation(), delete: operation() },
      repaired: 0,
      adopted: 0,
      swept: 0,
      get resyncs() {
        return options.mirror?.resyncs ?? 0;
      },
      writerRestarts: 0,
      get queued() {
        return queue.length;
      },
    };
    this.#troubles = new FailedRoutes({
      tables: this.#tables,
      clock,
      log: options.log,
      errorText,
      wanted,
      enqueue,
      report,
      target: (id) => this.#targets.get(id),
      retrying: () => this.#objects?.retry(),
    });
    this.#held = new HeldRoutes({
      scope,
      mirror,
      tables: this.#tables,
      targets: this.#targets,
      objects: this.#objects,
      counters: this.counters,
      wanted,
      enqueue,
      report,
      kernelChanged: () => this.#troubles.kernelChanged(),
    });
    this.#outcomes = new Outcomes({
      held: this.#held,
      troubles: this.#troubles,
      rows: this.#rows,
      mirror,
      counters: this.counters,
      enqueue,
    });
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
    this.#writer.connect();
  }

  // --- intents ------------------------------------------------------------------------------------------------------

  openGroup(target: FibTarget): FibGroup {
    return this.#groups.open(target);
  }

  retarget(group: FibGroup, target: FibTarget): void {
    this.#groups.check(group);
    if (!this.#groups.retarget(group, target) || this.#groups.routes(group) === 0) return;
    for (const table of this.#tables) {
      const want = table.want;
      const limit = table.prefixes.limit;
      for (let id = 1; id < limit; id++) if (want[id] === group) this.#pump.enqueue(table, id);
    }
  }

  releaseGroup(group: FibGroup): void {
    this.#groups.check(group);
    this.#groups.release(group);
  }

  set4(address: number, length: number, group: FibGroup, source = 0): void {
    const table = this.#tables[0];
    this.#want(table, table.insert(address, 0, 0, 0, length), group, source);
  }

  set6(w0: number, w1: number, w2: number, w3: number, length: number, group: FibGroup, source = 0): void {
    const table = this.#tables[1];
    this.#want(table, table.insert(w0, w1, w2, w3, length), group, source);
  }

  remove4(address: number, length: number): void {
    const table = this.#tables[0];
    this.#want(table, table.prefixes.find(address, 0, 0, 0, length), 0);
  }

  remove6(w0: number, w1: number, w2: number, w3: number, length: number): void {
    const table = this.#tables[1];
    this.#want(table, table.prefixes.find(w0, w1, w2, w3, length), 0);
  }

  set(route: FibRoute): void {
    const group = this.#groups.sharedFor(route);
    const w = route.words;
    if (route.family === Family.Ipv4Unicast) this.set4(w[0]!, route.length, group);
    else this.set6(w[0]!, w[1]!, w[2]!, w[3]!, route.length, group);
  }

  remove(family: Family, words: readonly number[], length: number): void {
    if (family === Family.Ipv4Unicast) this.remove4(words[0]!, length);
    else this.remove6(words[0]!, words[1]!, words[2]!, words[3]!, length);
  }

  sweep(family: Family): void {
    this.#held.swept[family] = true;
    const table = this.#tables[family];
    for (let id = 1; id < table.prefixes.limit; id++) {
      if ((table.marks[id]! & Mark.Adopted) === 0) continue;
      table.marks[id]! &= ~Mark.Adopted;
      this.counters.swept++;
      this.#pump.enqueue(table, id);
    }
    if (this.#held.swept[0] && this.#held.swept[1])
      this.#objects?.collect((nexthopId) => this.#targets.known({ type: "object", nexthopId }));
  }

  adopted(family: Family): number {
    return this.#held.adopted[family]!;
  }

  barrier(done: () => void): void {
    this.#barriers.add(done);
    this.#pump.schedule();
    this.#options.clock.defer(() => this.#barriers.check());
  }

  onResult(listener: (result: FibResult) => void): void {
    this.#listener = listener;
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
      if (!this.#pump.open) {
        finish();
        return;
      }
      if (!keep)
        for (const table of this.#tables)
          for (let id = 1; id < table.prefixes.limit; id++) {
            if (!table.prefixes.has(id)) continue;
            table.marks[id]! &= ~Mark.Adopted;
            this.#want(table, id, 0);
            if (table.held[id] !== 0) this.#pump.enqueue(table, id);
          }
      this.barrier(() => {
        if (!keep) this.#objects?.removeAll();
        this.barrier(() => finish());
      });
    });
  }

  #want(table: FibTable, id: number, group: FibGroup, source = 0): void {
    if (id === 0) return;
    const before = table.want[id]!;
    if (before !== group) {
      if (group !== 0) this.#groups.addRoute(group);
      table.want[id] = group;
      if (before !== 0) this.#groups.removeRoute(before);
    } else if (group !== 0 || table.held[id] === 0) return; // nothing new
    if (group !== 0) table.marks[id]! &= ~Mark.Adopted;
    else if ((table.marks[id]! & Mark.Adopted) !== 0) return; // not ours to decide before the sweep
    this.#pump.enqueue(table, id, source);
  }

  writerStats(): Promise<WriterStats | null> {
    return this.#pump.open ? this.#writer.stats() : Promise.resolve(null);
  }

  /** A target that means nothing any more; its number will mean something else. */
  #forget(id: TargetId, target: KernelTarget): void {
    this.#troubles.forgetTarget(id);
    if (target.type === "object") this.#objects?.unused(target.nexthopId);
    this.#told.forget(id);
  }

  // --- answers ------------------------------------------------------------------------------------------------------

  #welcome(portId: number): void {
    const incarnation = ++this.#incarnation;
    this.#told.clear();
    const mirror = this.#options.mirror;
    const open = () => {
      if (this.#closed || incarnation !== this.#incarnation) return;
      if (!this.#read) this.#groups.adopt();
      this.#read = this.#pump.open = true;
      this.#readyOnce?.resolve();
      this.#readyOnce = null;
      this.devices.opened(true);
      this.#pump.schedule();
    };
    mirror?.ignoreWriter(portId);
    if (mirror === null) open();
    else mirror.resync(open);
  }

  /** The writer is gone: what was in flight may or may not have been done, which a reading will tell. */
  #lost(reason: string): boolean {
    this.#incarnation++;
    this.#pump.open = false;
    this.devices.opened(false);
    this.#objects?.forgetFlights();
    this.#flight.lost(reason, (key, _operation, target) => {
      const table = this.#tableOf(key);
      this.#land(table, key >>> 1, target);
      table.marks[key >>> 1]! &= ~Mark.Again;
      this.#pump.enqueue(table, key >>> 1);
    });
    this.#readyOnce?.reject(new Error(reason));
    this.#readyOnce = null;
    this.#options.log.event("error", "fib-writer-lost", `${reason}; it is started again and the kernel is read anew`);
    if (this.#closing !== null) {
      this.#closing.done();
      return false;
    }
    this.counters.writerRestarts++;
    return true;
  }

  #tableOf(key: number): FibTable {
    return this.#tables[(key & 1) as Family];
  }

  /** A route's record is answered: its marks and its hold on the target end. */
  #land(table: FibTable, id: number, target: TargetId): void {
    table.marks[id]! &= ~Mark.InFlight;
    if (target !== 0) this.#targets.release(target);
  }

  #done(sequence: number): void {
    this.#flight.done(sequence, this.#succeeded);
    this.#barriers.check();
    this.#pump.goOn();
  }

  readonly #succeeded: Landed = (key, operation, target) => {
    const table = this.#tableOf(key);
    table.marks[key >>> 1]! &= ~Mark.InFlight;
    this.#outcomes.succeeded(table, key >>> 1, operation, target); // the record's hold on the target ends after it
    if (target !== 0) this.#targets.release(target);
  };

  #failed(sequence: number, errno: number, text: string): void {
    this.#flight.failed(sequence, errno, this.#troubles.reason(errno, text), (key, operation, target) => {
      const table = this.#tableOf(key);
      this.#land(table, key >>> 1, target);
      this.#outcomes.refused(table, key >>> 1, operation, errno, text);
    });
  }

  // --- answers to people --------------------------------------------------------------------------------------------

  rows(): Iterable<FibRow> {
    return this.#rows.all();
  }

  list(): FibRow[] {
    return [...this.#rows.all()];
  }

  row(family: Family, words: readonly number[], length: number): FibRow | undefined {
    return this.#rows.one(family, words, length);
  }

  #report(table: FibTable, id: number): void {
    this.#listener(this.#rows.result(table, id));
  }

  // --- ends ---------------------------------------------------------------------------------------------------------

  /** @param hung the writer didn't answer in time. */
  #shut(hung: boolean): void {
    this.#closed = true;
    this.#pump.open = false;
    this.#troubles.close();
    this.#options.mirror?.close();
    this.#writer.close(hung);
  }
}
