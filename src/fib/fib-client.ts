import type { Clock } from "../lib/clock.ts";
import { Family } from "../lib/family.ts";
import type { Log } from "../lib/log.ts";
import { FibRows } from "./fib-rows.ts";
import { FibTable, Mark, type Trouble } from "./fib-table.ts";
import { Flight, type Landed, WINDOW } from "./flight.ts";
import { GroupTable } from "./groups.ts";
import { HeldRoutes } from "./held-routes.ts";
import type { KernelMirror } from "./kernel-mirror.ts";
import { NexthopObjects } from "./nexthop-objects.ts";
import type { WriterLink } from "./os-port.ts";
import type {
  DeviceAnswer,
  DevicePort,
  FibCounters,
  FibGroup,
  FibPort,
  FibResult,
  FibRoute,
  FibRow,
  FibTarget,
} from "./port.ts";
import { Operation, type RemoteVtep, type VxlanDevice, type WriterStats } from "./records.ts";
import * as nl from "./rtnetlink/constants.ts";
import type { KernelTarget, RouteScope } from "./rtnetlink/route.ts";
import { obstacle, type TargetId, TargetStore } from "./targets.ts";
import { Troubles } from "./troubles.ts";
import { type Ticket, WriteQueue } from "./write-queue.ts";
import { WriterSession } from "./writer-session.ts";

/** Routes written per turn of the loop when the writer lives in this process (64 take about 0.3 ms). */
const ROUTES_PER_TURN = 512;
/** Time that such a turn may take: the kernel's lock may be held by others, and then 64 routes take far longer. */
const TURN_MS = 3;
/** Routes per frame, to a writer elsewhere and to one in this process. */
const FRAME_ROUTES = 256;
const FRAME_ROUTES_HERE = 128;
const CLOSE_WITHIN_MS = 10_000;

export interface FibClientOptions {
  readonly scope: RouteScope;
  readonly clock: Clock;
  readonly log: Log;
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
 *
 * What to write follows from `held`: nothing there, CREATE|EXCL, so that nobody's route is displaced; something of ours
 * there, REPLACE; nothing wanted, DELETE by protocol and metric. An EEXIST has another owner, who is named, and who is
 * waited for; or it is ours and was not known, which a reading finds out.
 */
export class FibClient implements FibPort, DevicePort {
  readonly counters: FibCounters;
  readonly devices: DevicePort = this;
  readonly ready: Promise<void>;
  readonly #options: FibClientOptions;
  readonly #tables: readonly [FibTable, FibTable] = [
    new FibTable(Family.Ipv4Unicast),
    new FibTable(Family.Ipv6Unicast),
  ];
  readonly #targets = new TargetStore((id, target) => this.#forget(id, target));
  readonly #objects: NexthopObjects | null;
  readonly #groups: GroupTable;
  /** (id << 1 | family) of what is to be looked at. */
  readonly #queue = new WriteQueue();
  readonly #held: HeldRoutes;
  readonly #troubles: Troubles;
  readonly #barriers: { waiting: Ticket; answered: number; stage: number; done: () => void }[] = [];

  readonly #writer: WriterSession;
  readonly #rows: FibRows;
  /** By target: whether this writer was told of it. */
  #told = new Uint8Array(64);
  /** Targets that the writer may forget. */
  readonly #forgotten: TargetId[] = [];
  /** The kernel was read since the writer came: writing may go on. */
  #open = false;
  /** The kernel was read once. */
  #read = false;
  /** Counts writers that came and went. */
  #incarnation = 0;
  #readyOnce: { resolve(): void; reject(error: Error): void } | null;

  readonly #flight = new Flight();
  /** Requests for devices that wait for a writer. */
  readonly #deviceRequests: { write(sequence: number): void; answer: DeviceAnswer }[] = [];
  readonly #writerListeners = new Set<() => void>();

  #pumping = false;
  #listener: (result: FibResult) => void = () => {};
  #unexplained = 0;
  #closing: { done: () => void } | null = null;
  #closed = false;

  constructor(options: FibClientOptions) {
    this.#options = options;
    this.#objects = options.nexthopObjects ? new NexthopObjects(options.scope.protocol, () => this.#schedule()) : null;
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
      drained: () => this.#schedule(),
      lost: (reason) => this.#lost(reason),
    });
    const enqueue = (table: FibTable, id: number) => this.#enqueue(table, id);
    const wanted = (table: FibTable, id: number) => this.#wanted(table, id);
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
    this.#troubles = new Troubles({
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
      clock,
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
      for (let id = 1; id < limit; id++) if (want[id] === group) this.#enqueue(table, id);
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
      if ((table.marks[id]! & Mark.Stale) === 0) continue;
      table.marks[id]! &= ~Mark.Stale;
      this.counters.swept++;
      this.#enqueue(table, id);
    }
    if (this.#held.swept[0] && this.#held.swept[1])
      this.#objects?.collect((nexthopId) => this.#targets.known({ type: "object", nexthopId }));
  }

  adopted(family: Family): number {
    return this.#held.adopted[family]!;
  }

  barrier(done: () => void): void {
    // two rounds: what was in flight and changed meanwhile is queued again when its answer comes
    this.#barriers.push({ waiting: this.#queue.ticket(), answered: this.#flight.next, stage: 0, done });
    this.#schedule();
    this.#options.clock.defer(() => this.#checkBarriers());
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
      const finish = () => {
        if (this.#closed) return;
        deadline.cancel();
        this.#shut();
        resolve();
      };
      this.#closing = { done: finish };
      const deadline = this.#options.clock.setTimer(CLOSE_WITHIN_MS, () => {
        this.#options.log.event(
          "warn",
          "fib-close-timeout",
          `The kernel's routes could not all be written within ${CLOSE_WITHIN_MS / 1000} s; ${this.#queue.length} are left as they were`,
        );
        finish();
      });
      if (!this.#open) {
        finish();
        return;
      }
      if (!keep)
        for (const table of this.#tables)
          for (let id = 1; id < table.prefixes.limit; id++) {
            if (!table.prefixes.has(id)) continue;
            table.marks[id]! &= ~Mark.Stale;
            this.#want(table, id, 0);
            if (table.held[id] !== 0) this.#enqueue(table, id);
          }
      this.barrier(() => {
        if (!keep) this.#objects?.removeAll();
        this.barrier(finish);
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
    if (group !== 0) table.marks[id]! &= ~Mark.Stale;
    else if ((table.marks[id]! & Mark.Stale) !== 0) return; // not ours to decide before the sweep
    this.#enqueue(table, id, source);
  }

  /** `source`: whose change it is, if that is known; see `WriteQueue`. */
  #enqueue(table: FibTable, id: number, source = 0): void {
    const marks = table.marks[id]!;
    if ((marks & Mark.Queued) !== 0) return;
    if ((marks & Mark.InFlight) !== 0) {
      table.marks[id] = marks | Mark.Again;
      return;
    }
    table.marks[id] = marks | Mark.Queued;
    // What goes is told apart by what it went through.
    const through = table.want[id] !== 0 ? table.want[id]! : table.held[id]!;
    this.#queue.push(((id << 1) | table.family) >>> 0, through + Math.imul(source, 0x10001));
    this.#schedule();
  }

  writerStats(): Promise<WriterStats | null> {
    return this.#open ? this.#writer.stats() : Promise.resolve(null);
  }

  // --- devices ------------------------------------------------------------------------------------------------------

  vxlan(device: VxlanDevice, answer: DeviceAnswer): void {
    this.#askDevice((sequence) => this.#writer.out.vxlan(sequence, device), answer);
  }

  linkSetting(ifindex: number, mtu: number, remove: boolean, answer: DeviceAnswer): void {
    this.#askDevice((sequence) => this.#writer.out.linkSetting(sequence, ifindex, mtu, remove), answer);
  }

  neighbour(operation: Operation, remote: RemoteVtep, answer: DeviceAnswer): void {
    this.#askDevice((sequence) => this.#writer.out.neighbour(sequence, operation, remote), answer);
  }

  onWriter(listener: () => void): () => void {
    this.#writerListeners.add(listener);
    if (this.#open) listener();
    return () => void this.#writerListeners.delete(listener);
  }

  #askDevice(write: (sequence: number) => void, answer: DeviceAnswer): void {
    this.#deviceRequests.push({ write, answer });
    this.#schedule();
  }

  #writeDevices(): void {
    while (this.#deviceRequests.length > 0 && this.#flight.room > 0) {
      const { write, answer } = this.#deviceRequests.shift()!;
      write(this.#flight.other(answer));
    }
    this.#writer.flush();
  }

  // --- the pump -----------------------------------------------------------------------------------------------------

  #schedule(): void {
    if (this.#pumping || !this.#open || this.#writer.blocked) return;
    this.#pumping = true;
    this.#options.clock.defer(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  /** Writes what differs: as much as one turn may take here, or as much as the writer process may have unanswered. */
  #pump(): void {
    if (!this.#open || this.#closed) return;
    this.#options.mirror?.drain(); // what others did comes first, so that we don't replace what is no longer ours
    const queue = this.#queue;
    const flight = this.#flight;
    const { out } = this.#writer;
    for (const target of this.#forgotten) if (this.#isUntold(target)) out.forgetTarget(target);
    this.#forgotten.length = 0;
    this.#writeDevices();
    this.#writeObjects();
    const { synchronous, clock } = this.#options;
    const frame = synchronous ? FRAME_ROUTES_HERE : FRAME_ROUTES;
    const started = clock.now();
    let left = synchronous ? ROUTES_PER_TURN : WINDOW;
    while (left > 0 && queue.length > 0 && !this.#writer.blocked && this.#open) {
      let inFrame = 0;
      let frameFamily: Family = Family.Ipv4Unicast;
      while (queue.length > 0 && inFrame < frame && left > 0 && flight.room > 0) {
        const key = queue.take();
        const table = this.#tables[(key & 1) as Family];
        const id = key >>> 1;
        const operation = this.#plan(table, id);
        left--;
        if (operation === 0) continue;
        const target = operation === Operation.Delete ? 0 : this.#groups.targetId(table.want[id]!, table.family);
        const untold = target !== 0 && this.#isUntold(target);
        if (inFrame > 0 && (frameFamily !== table.family || untold)) {
          out.endRoutes();
          inFrame = 0;
        }
        if (untold) this.#tellTarget(target);
        if (inFrame === 0) {
          frameFamily = table.family;
          out.beginRoutes(flight.next, frameFamily);
        }
        this.#fly(table, id, operation, target);
        inFrame++;
      }
      if (inFrame > 0) out.endRoutes();
      if (out.length === 0) break;
      this.#writer.flush();
      if (flight.room === 0) break;
      if (synchronous && clock.now() - started > TURN_MS) break;
    }
    this.#checkBarriers();
    this.#goOn();
  }

  /** Another turn, if there is something to write and room for it. */
  #goOn(): void {
    const waiting = this.#queue.length + this.#deviceRequests.length > 0 || this.#objects?.dirty === true;
    if (waiting && this.#flight.room > 0) this.#schedule();
  }

  /** Nexthop objects go first: the routes behind them name them. */
  #writeObjects(): void {
    const objects = this.#objects;
    if (objects === null || !objects.dirty) return;
    for (const write of objects.take(this.#flight.room)) {
      const sequence = this.#flight.other((trouble) => {
        for (const root of objects.answered(write, trouble)) this.#troubles.objectCame(root);
      });
      this.#writer.out.nexthop(sequence, write.operation, write.id, write.object);
    }
    this.#writer.flush();
  }

  /** Target that the route is to have; 0 if none is wanted or none is possible. */
  #wanted(table: FibTable, id: number): TargetId {
    const group = table.want[id]!;
    return group === 0 ? 0 : this.#groups.targetId(group, table.family);
  }

  /** What is to be done about a prefix: an operation, or 0 if want and held agree or nothing can be done. */
  #plan(table: FibTable, id: number): Operation | 0 {
    table.marks[id]! &= ~Mark.Queued;
    const held = table.held[id]!;
    const group = table.want[id]!;
    if (group === 0) {
      if ((table.marks[id]! & Mark.Stale) !== 0) return 0;
      if (held !== 0) return Operation.Delete;
      table.freeIfIdle(id);
      return 0;
    }
    const wanted = this.#groups.targetId(group, table.family);
    if (wanted === 0) {
      this.#troubles.fail(
        table,
        id,
        0,
        obstacle(this.#groups.target(group), table.family) ?? "The route cannot be expressed",
      );
      return 0;
    }
    if (this.#targets.satisfies(held, wanted)) {
      this.#settled(table, id);
      return 0;
    }
    if (this.#troubles.anyDead || this.#objects !== null) {
      const dead = this.#troubles.dead(wanted) ?? this.#deadObject(wanted);
      if (dead !== undefined) {
        this.#troubles.put(table, id, dead);
        return 0;
      }
    }
    return held === 0 ? Operation.Create : Operation.Replace;
  }

  #deadObject(wanted: TargetId): Trouble | undefined {
    const target = this.#targets.get(wanted);
    if (target.type !== "object") return undefined;
    const text = this.#objects?.trouble(target.nexthopId) ?? null;
    return text === null ? undefined : this.#troubles.setDead(wanted, text);
  }

  #fly(table: FibTable, id: number, operation: Operation, target: TargetId): void {
    this.#flight.route(((id << 1) | table.family) >>> 0, operation, target);
    if (target !== 0) this.#targets.addReference(target);
    table.marks[id]! |= Mark.InFlight;
    const p = table.prefixes;
    const { out } = this.#writer;
    if (table.family === Family.Ipv4Unicast) out.route(operation, p.word(id, 0), 0, 0, 0, p.length(id), target);
    else out.route(operation, p.word(id, 0), p.word(id, 1), p.word(id, 2), p.word(id, 3), p.length(id), target);
  }

  #isUntold(target: TargetId): boolean {
    return target >= this.#told.length || this.#told[target] === 0;
  }

  #tellTarget(target: TargetId): void {
    if (target >= this.#told.length) {
      const wide = new Uint8Array(target * 2);
      wide.set(this.#told);
      this.#told = wide;
    }
    this.#told[target] = 1;
    this.#writer.out.target(target, this.#targets.get(target));
  }

  /** A target that means nothing any more; its number will mean something else. */
  #forget(id: TargetId, target: KernelTarget): void {
    this.#troubles.forgetTarget(id);
    if (target.type === "object") this.#objects?.unused(target.nexthopId);
    if (this.#isUntold(id)) return;
    this.#told[id] = 0;
    this.#forgotten.push(id);
  }

  // --- answers ------------------------------------------------------------------------------------------------------

  #welcome(portId: number): void {
    const incarnation = ++this.#incarnation;
    this.#told.fill(0);
    this.#forgotten.length = 0;
    const mirror = this.#options.mirror;
    const open = () => {
      if (this.#closed || incarnation !== this.#incarnation) return;
      if (!this.#read) this.#groups.adopt();
      this.#read = this.#open = true;
      this.#readyOnce?.resolve();
      this.#readyOnce = null;
      for (const listener of this.#writerListeners) listener();
      this.#schedule();
    };
    mirror?.ignoreWriter(portId);
    if (mirror === null) open();
    else mirror.resync(open);
  }

  /** The writer is gone: what was in flight may or may not have been done, which a reading will tell. */
  #lost(reason: string): boolean {
    this.#incarnation++;
    this.#open = false;
    this.#objects?.forgetFlights();
    this.#flight.lost(reason, (key, _operation, target) => {
      const table = this.#tableOf(key);
      this.#land(table, key >>> 1, target);
      table.marks[key >>> 1]! &= ~Mark.Again;
      this.#enqueue(table, key >>> 1);
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
    if (this.#barriers.length > 0) this.#checkBarriers();
    this.#goOn();
  }

  readonly #succeeded: Landed = (key, operation, target) => {
    const table = this.#tableOf(key);
    const id = key >>> 1;
    this.#held.set(table, id, target);
    this.#land(table, id, target);
    const operations = this.counters.operations;
    if (operation === Operation.Create) operations.add.ok++;
    else if (operation === Operation.Replace) operations.replace.ok++;
    else operations.delete.ok++;
    this.#afterFlight(table, id);
    if (table.want[id] !== 0) this.#settled(table, id);
    else table.freeIfIdle(id);
  };

  #afterFlight(table: FibTable, id: number): void {
    this.#held.touched(table, id);
    if ((table.marks[id]! & Mark.Again) === 0) return;
    table.marks[id]! &= ~Mark.Again;
    this.#enqueue(table, id);
  }

  #failed(sequence: number, errno: number, text: string): void {
    this.#flight.failed(sequence, errno, this.#troubles.reason(errno, text), (key, operation, target) => {
      const table = this.#tableOf(key);
      this.#land(table, key >>> 1, target);
      this.#afterFlight(table, key >>> 1);
      this.#refused(table, key >>> 1, operation, errno, text);
    });
  }

  /** The kernel did not do it: what that says of the route, and what is next. */
  #refused(table: FibTable, id: number, operation: Operation, errno: number, text: string): void {
    const operations = this.counters.operations;
    if (operation === Operation.Delete) {
      if (errno === nl.ESRCH || errno === nl.ENOENT || errno === nl.ENODEV) {
        operations.delete.ok++; // gone already
        this.#held.set(table, id, 0);
        if (table.want[id] !== 0) this.#enqueue(table, id);
        else table.freeIfIdle(id);
        return;
      }
      operations.delete.failed++;
      this.#troubles.fail(table, id, errno, text);
      return;
    }
    if (operation === Operation.Replace && errno === nl.ENOENT) {
      operations.replace.failed++; // somebody took it away between the event and us: it has to be made anew
      this.#held.set(table, id, 0);
      this.#enqueue(table, id);
      return;
    }
    if (operation === Operation.Create && errno === nl.EEXIST) {
      operations.add.overridden++;
      this.#exists(table, id);
      return;
    }
    (operation === Operation.Create ? operations.add : operations.replace).failed++;
    this.#troubles.fail(table, id, errno, text);
  }

  /** CREATE|EXCL met a route: another owner's, or one of ours that we did not know. */
  #exists(table: FibTable, id: number): void {
    const owner = this.#rows.ownerInTheWay(table, id);
    if (owner !== null) {
      this.#troubles.override(table, id, owner);
      return;
    }
    this.#troubles.fail(table, id, nl.EEXIST, "another route is in the way and was not seen yet");
    if (this.#unexplained++ > 0 || this.#options.mirror === null) return;
    this.#options.mirror.resync(() => {
      this.#unexplained = 0;
      this.#troubles.existingKnown();
    });
  }

  /** The kernel has what is wanted. */
  #settled(table: FibTable, id: number): void {
    const marks = table.marks[id]!;
    if ((marks & (Mark.Repair | Mark.Trouble)) === 0) return;
    if ((marks & Mark.Repair) !== 0) this.counters.repaired++;
    table.marks[id] = marks & ~Mark.Repair;
    if ((marks & Mark.Trouble) !== 0) this.#troubles.settled(table, id);
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

  #checkBarriers(): void {
    for (let i = 0; i < this.#barriers.length; ) {
      const barrier = this.#barriers[i]!;
      const waits = !this.#queue.passed(barrier.waiting) || this.#flight.unanswered < barrier.answered;
      if (waits || this.#deviceRequests.length > 0 || this.#objects?.dirty === true) {
        i++;
        continue;
      }
      if (barrier.stage === 0) {
        barrier.stage = 1;
        barrier.waiting = this.#queue.ticket();
        barrier.answered = this.#flight.next;
        continue;
      }
      this.#barriers.splice(i, 1);
      barrier.done();
    }
  }

  #shut(): void {
    this.#closed = true;
    this.#open = false;
    this.#troubles.close();
    this.#held.close();
    this.#options.mirror?.close();
    this.#writer.close();
  }
}
