import type { KernelMirror } from "../kernel/mirror.ts";
import { Operation } from "../kernel/records.ts";
import type { Clock } from "../lib/clock.ts";
import { Family } from "../lib/family.ts";
import type { Barriers } from "./barriers.ts";
import type { DeviceRequests } from "./device-requests.ts";
import type { FailedRoutes } from "./failed-routes.ts";
import { type FibTable, Mark, type Trouble } from "./fib-table.ts";
import { type Flight, WINDOW } from "./flight.ts";
import type { GroupTable } from "./groups.ts";
import type { NexthopObjects } from "./nexthop-objects.ts";
import type { Outcomes } from "./outcomes.ts";
import { obstacle, type TargetId, type TargetStore } from "./targets.ts";
import type { ToldTargets } from "./told-targets.ts";
import type { WriteQueue } from "./write-queue.ts";
import type { WriteTurns } from "./write-turns.ts";
import type { WriterSession } from "./writer-session.ts";

/** Routes written per turn of the loop when the writer lives in this process (64 take about 0.3 ms). */
const ROUTES_PER_TURN = 512;
/** Time that such a turn may take: the kernel's lock may be held by others, and then 64 routes take far longer. */
const TURN_MS = 3;
/** Routes per frame, to a writer elsewhere and to one in this process. */
const FRAME_ROUTES = 256;
const FRAME_ROUTES_HERE = 128;

export interface KernelPumpParts {
  readonly clock: Clock;
  /** Whether answers come before a send returns: then the kernel's work is done in our turns. */
  readonly synchronous: boolean;
  readonly mirror: KernelMirror | null;
  readonly tables: readonly [FibTable, FibTable];
  readonly targets: TargetStore;
  readonly groups: GroupTable;
  readonly objects: NexthopObjects | null;
  /** (id << 1 | family) of what is to be looked at. */
  readonly queue: WriteQueue;
  readonly turns: WriteTurns;
  readonly flight: Flight;
  readonly writer: WriterSession;
  readonly told: ToldTargets;
  readonly devices: DeviceRequests;
  readonly barriers: Barriers;
  readonly failed: FailedRoutes;
  readonly outcomes: Outcomes;
}

/**
 * From "this prefix is to be looked at" to records for the writer: takes prefixes out of the queue, compares what is wanted
 * with what is held, and writes the difference, as much at a time as one turn may take or as may be unanswered.
 *
 * What to write follows from `held`: nothing there, CREATE|EXCL, so that nobody's route is displaced; something of ours
 * there, REPLACE; nothing wanted, DELETE by protocol and metric, and as often as there is one where there were several.
 */
export class KernelPump {
  readonly #parts: KernelPumpParts;

  constructor(parts: KernelPumpParts) {
    this.#parts = parts;
    parts.turns.belongTo(() => this.#turn());
  }

  /** Writes what differs: as much as one turn may take here, or as much as the writer process may have unanswered. */
  #turn(): void {
    if (!this.#parts.turns.open) return;
    this.#parts.mirror?.drain(); // what others did comes first, so that we don't replace what is no longer ours
    const { queue, turns, flight, writer, told, devices, groups, tables, synchronous, clock } = this.#parts;
    const { out } = writer;
    told.flush();
    devices.write(flight);
    writer.flush();
    this.#writeObjects();
    const frame = synchronous ? FRAME_ROUTES_HERE : FRAME_ROUTES;
    const started = clock.now();
    let left = synchronous ? ROUTES_PER_TURN : WINDOW;
    while (left > 0 && queue.length > 0 && !turns.blocked && turns.open) {
      let inFrame = 0;
      let frameFamily: Family = Family.Ipv4Unicast;
      while (queue.length > 0 && inFrame < frame && left > 0 && flight.room > 0) {
        const key = queue.take();
        const table = tables[(key & 1) as Family];
        const id = key >>> 1;
        const operation = this.#plan(table, id);
        left--;
        if (operation === 0) continue;
        const target =
          operation === Operation.Delete ? this.#named(table, id) : groups.targetId(table.want.get(id), table.family);
        const untold = target !== 0 && !told.has(target);
        if (inFrame > 0 && (frameFamily !== table.family || untold)) {
          out.endRoutes();
          inFrame = 0;
        }
        if (untold) told.tell(target);
        if (inFrame === 0) {
          frameFamily = table.family;
          out.beginRoutes(flight.next, frameFamily);
        }
        this.#fly(table, id, operation, target);
        inFrame++;
      }
      if (inFrame > 0) out.endRoutes();
      if (out.length === 0) break;
      writer.flush();
      if (flight.room === 0) break;
      if (synchronous && clock.now() - started > TURN_MS) break;
    }
    this.#parts.barriers.check();
    this.goOn();
  }

  /** Another turn, if there is something to write and room for it. */
  goOn(): void {
    const waiting = this.#parts.queue.length + this.#parts.devices.length > 0 || this.#parts.objects?.dirty === true;
    if (waiting && this.#parts.flight.room > 0) this.#parts.turns.ask();
  }

  /** Nexthop objects go first: the routes behind them name them. */
  #writeObjects(): void {
    const objects = this.#parts.objects;
    if (objects === null || !objects.dirty) return;
    for (const write of objects.take(this.#parts.flight.room)) {
      const sequence = this.#parts.flight.other((trouble) => {
        for (const root of objects.answered(write, trouble)) this.#parts.failed.objectCame(root);
      });
      this.#parts.writer.out.nexthop(sequence, write.operation, write.id, write.object);
    }
    this.#parts.writer.flush();
  }

  /** What is to be done about a prefix: an operation, or 0 if want and held agree or nothing can be done. */
  #plan(table: FibTable, id: number): Operation | 0 {
    table.unmark(id, Mark.Queued);
    const held = table.held.get(id);
    const group = table.want.get(id);
    if (group === 0) {
      if ((table.marks.get(id) & Mark.Adopted) !== 0) return 0;
      if (held !== 0 || table.twins.has(id)) return Operation.Delete;
      table.freeIfIdle(id);
      return 0;
    }
    const wanted = this.#parts.groups.targetId(group, table.family);
    if (wanted === 0) {
      this.#parts.failed.fail(
        table,
        id,
        0,
        obstacle(this.#parts.groups.target(group), table.family) ?? "The route cannot be expressed",
      );
      return 0;
    }
    // REPLACE would take the first of them, whosever it is.
    if (table.twins.has(id)) return Operation.Delete;
    if (this.#parts.targets.satisfies(held, wanted)) {
      this.#parts.outcomes.settled(table, id);
      return 0;
    }
    if (this.#parts.failed.anyDead || this.#parts.objects !== null) {
      const dead = this.#parts.failed.dead(wanted) ?? this.#deadObject(wanted);
      if (dead !== undefined) {
        this.#parts.failed.put(table, id, dead);
        return 0;
      }
    }
    return held === 0 ? Operation.Create : Operation.Replace;
  }

  /**
   * What a delete names besides our mark. IPv6 deletes a multipath route with all hops, whoever owns the others: where
   * somebody's may be among them, ours are named.
   */
  #named(table: FibTable, id: number): TargetId {
    const held = table.held.get(id);
    if (held === 0 || table.family === Family.Ipv4Unicast || !table.twins.has(id)) return 0;
    const target = this.#parts.targets.get(held);
    return target.type === "unicast" && obstacle(target, table.family) === null ? held : 0;
  }

  #deadObject(wanted: TargetId): Trouble | undefined {
    const target = this.#parts.targets.get(wanted);
    if (target.type !== "object") return undefined;
    const text = this.#parts.objects?.trouble(target.nexthopId) ?? null;
    return text === null ? undefined : this.#parts.failed.setDead(wanted, text);
  }

  #fly(table: FibTable, id: number, operation: Operation, target: TargetId): void {
    this.#parts.flight.route(((id << 1) | table.family) >>> 0, operation, target);
    if (target !== 0) this.#parts.targets.addReference(target);
    table.mark(id, Mark.InFlight);
    const p = table.prefixes;
    const { out } = this.#parts.writer;
    if (table.family === Family.Ipv4Unicast) out.route(operation, p.word(id, 0), 0, 0, 0, p.length(id), target);
    else out.route(operation, p.word(id, 0), p.word(id, 1), p.word(id, 2), p.word(id, 3), p.length(id), target);
  }
}
