import { Rig } from "../rig.ts";
import type { LoadSpec } from "../spec.ts";

/** Many sessions that say nothing: how fast they are taken, what each costs in memory, and what keeping them costs in CPU. */
export function sessions(spec: LoadSpec): Rig {
  const rig = new Rig(spec, 1024);
  const all = Array.from({ length: spec.clients }, () => rig.session());
  const before = rig.sample();
  rig.phase(
    "accept",
    () => rig.fleet.establish(all, 256, spec.timeoutSeconds * 1000),
    (startMs) => ({
      wallSeconds: (Math.max(...all.map((s) => s.establishedAtMs)) - startMs) / 1000,
      figures: { kbPerSession: ((rig.sample().residentMb - before.residentMb) * 1024) / all.length },
    }),
  );
  rig.idle(); // what accepting has left to do is no part of idling
  const seconds = spec.idleSeconds;
  rig.phase(
    "idle",
    () => rig.fleet.until(() => false, seconds * 1000),
    () => ({ wallSeconds: seconds }),
  );
  const closed = all.filter((s) => s.state !== "established");
  if (closed.length > 0) rig.faults.push(`${closed.length} sessions were lost, one of them: ${closed[0]!.closeReason}`);
  return rig;
}
