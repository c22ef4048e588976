import { seededRandom } from "../../../src/lib/random.ts";
import { Rig } from "../rig.ts";
import type { Session } from "../session.ts";
import type { LoadSpec } from "../spec.ts";
import { type AttributeSet, makeSets } from "../table.ts";

/** One feeder announces a table, every client must hold it. Also the start of other workloads. */
export function reflect(spec: LoadSpec): Rig {
  const rig = new Rig(spec, 262_144);
  feed(rig, "reflect");
  return rig;
}

/** Runs the phase and hands over what later phases need. */
export function feed(rig: Rig, phase: string): { feeder: Session; clients: Session[]; sets: AttributeSet[] } {
  const { spec, table } = rig;
  const feeder = rig.session();
  const clients = Array.from({ length: spec.clients }, () => rig.session());
  const sets = makeSets(table.setStart.length - 1, seededRandom(spec.table.seed + 1));
  const expectation = rig.expectation();
  rig.expect(expectation, feeder, sets);
  for (const session of [feeder, ...clients]) rig.view(session, expectation);
  const stream = rig.announceAll(feeder, sets);
  rig.pool.prepare(Math.min(4e9, stream.length * 1.4 * (clients.length + spec.lateClients + 1)));
  rig.establish([feeder, ...clients]);
  rig.phase(phase, () => feeder.send(stream));
  return { feeder, clients, sets };
}
