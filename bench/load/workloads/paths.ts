import { seededRandom } from "../../../src/lib/random.ts";
import { Rig } from "../rig.ts";
import type { LoadSpec } from "../spec.ts";
import { type AttributeSet, makeSets } from "../table.ts";

/**
 * Several feeders announce the same prefixes with attributes of their own; everyone must end with the best of them.
 * Each feeder's paths begin with an AS of its own, so MED is never compared; what is left is the length of the AS_PATH,
 * ORIGIN and the lowest ORIGINATOR_ID (RFC 4271 §9.1.2.2, RFC 4456 §9), on which all speakers agree.
 */
export function paths(spec: LoadSpec): Rig {
  const rig = new Rig(spec, 262_144);
  const { table } = rig;
  const feeders = Array.from({ length: spec.feeders }, () => rig.session());
  const clients = Array.from({ length: spec.clients }, () => rig.session());
  const count = table.setStart.length - 1;
  const sets = feeders.map((_, f) => makeSets(count, seededRandom(spec.table.seed + 1 + f), 2000 + f));
  const expectation = rig.expectation();
  for (let s = 0; s < count; s++) {
    let best = 0;
    for (let f = 1; f < feeders.length; f++) if (isBetter(sets[f]![s]!, sets[best]![s]!)) best = f;
    rig.expect(expectation, feeders[best]!, sets[best]!, s, s + 1);
  }
  const everyone = [...feeders, ...clients];
  for (const session of everyone) rig.view(session, expectation);
  const streams = feeders.map((feeder, f) => rig.announceAll(feeder, sets[f]!));
  rig.pool.prepare(Math.min(4e9, streams[0]!.length * 3 * everyone.length));
  rig.establish(everyone);
  rig.phase("paths", () => feeders.forEach((feeder, f) => void feeder.send(streams[f]!)));
  return rig;
}

const isBetter = (a: AttributeSet, b: AttributeSet): boolean =>
  a.asPath.length !== b.asPath.length ? a.asPath.length < b.asPath.length : a.origin < b.origin;
