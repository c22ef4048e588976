import type { KernelMirror } from "../kernel/mirror.ts";
import type { Operation } from "../kernel/records.ts";
import type { Clock } from "../lib/clock.ts";
import { Family } from "../lib/family.ts";
import type { Barriers } from "./barriers.ts";
import type { DeviceRequests } from "./device-requests.ts";
import { type FibTable, Mark } from "./fib-table.ts";
import { type Flight, WINDOW } from "./flight.ts";
import type { NexthopObjects } from "./nexthop-objects.ts";
import type { RefusedRoutes } from "./refused-routes.ts";
import type { RetargetedGroups } from "./retargeted-groups.ts";
import type { RoutePlan } from "./route-plan.ts";
import type { TargetId, TargetStore } from "./targets.ts";
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

/** What waits to be written or answered. */
export interface Waiting {
  /** (id << 1 | family) of what is to be looked at. */
  readonly queue: WriteQueue;
  readonly turns: WriteTurns;
  readonly flight: Flight;
  readonly devices: DeviceRequests;
  readonly barriers: Barriers;
}

export interface KernelPumpParts {
  readonly clock: Clock;
  /** Whether answers come before a send returns: then the kernel's work is done in our turns. */
  readonly synchronous: boolean;
  readonly mirror: KernelMirror | null;
  readonly tables: readonly [FibTable, FibTable];
  readonly targets: TargetStore;
  readonly objects: NexthopObjects | null;
  readonly refused: RefusedRoutes;
  readonly retargeted: RetargetedGroups;
  readonly plan: RoutePlan;
  readonly waiting: Waiting;
  readonly writer: WriterSession;
  readonly told: ToldTargets;
}

/**
 * From "this prefix is to be looked at" to records for the writer: takes prefixes out of the queue, asks what is to be done about
 * them (`RoutePlan`), and writes that, as much at a time as one turn may take or as may be unanswered.
 */
export class KernelPump {
  readonly #parts: KernelPumpParts;

  constructor(parts: KernelPumpParts) {
    this.#parts = parts;
    parts.waiting.turns.belongTo(() => this.#turn());
  }

  /** Writes what differs: as much as one turn may take here, or as much as the writer process may have unanswered. */
  #turn(): void {
    const { queue, turns, flight, devices, barriers } = this.#parts.waiting;
    if (!turns.open) return;
    this.#parts.mirror?.drain(); // what others did comes first, so that we don't replace what is no longer ours
    const { writer, told, plan, tables, synchronous, clock } = this.#parts;
    this.#parts.retargeted.flush();
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
        const operation = plan.operation(table, id);
        left--;
        if (operation === 0) continue;
        const target = plan.target(table, id, operation);
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
    barriers.check();
    this.goOn();
  }

  /** Another turn, if there is something to write and room for it. */
  goOn(): void {
    const { queue, devices, flight, turns } = this.#parts.waiting;
    const waiting = queue.length + devices.length > 0 || this.#parts.objects?.dirty === true;
    if (waiting && flight.room > 0) turns.ask();
  }

  /** Nexthop objects go first: the routes behind them name them. */
  #writeObjects(): void {
    const { objects, waiting } = this.#parts;
    if (objects === null || !objects.dirty) return;
    const came = objects.takeCome();
    if (came.size > 0) this.#parts.refused.objectsCame(came);
    for (const write of objects.take(waiting.flight.room)) {
      const sequence = waiting.flight.other((trouble) => objects.answered(write, trouble));
      this.#parts.writer.out.nexthop(sequence, write.operation, write.id, write.object);
    }
    this.#parts.writer.flush();
  }

  #fly(table: FibTable, id: number, operation: Operation, target: TargetId): void {
    this.#parts.waiting.flight.route(((id << 1) | table.family) >>> 0, operation, target);
    if (target !== 0) this.#parts.targets.addReference(target);
    table.mark(id, Mark.InFlight);
    const p = table.prefixes;
    const { out } = this.#parts.writer;
    if (table.family === Family.Ipv4Unicast) out.route(operation, p.word(id, 0), 0, 0, 0, p.length(id), target);
    else out.route(operation, p.word(id, 0), p.word(id, 1), p.word(id, 2), p.word(id, 3), p.length(id), target);
  }
}
