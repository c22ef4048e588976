import { Rig } from "../rig.ts";
import type { LoadSpec } from "../spec.ts";
import { feed } from "./reflect.ts";

/** Clients that join at once when the table is already there. */
export function late(spec: LoadSpec): Rig {
  const rig = new Rig(spec, 262_144);
  const { feeder, sets } = feed(rig, "load");
  const expectation = rig.expectation();
  rig.expect(expectation, feeder, sets);
  const joiners = Array.from({ length: spec.lateClients }, () => rig.session());
  for (const session of joiners) rig.view(session, expectation);
  rig.phase("late", () => rig.fleet.connectApart(joiners, 0));
  return rig;
}
