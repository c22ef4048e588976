import { seededRandom } from "../../../src/lib/random.ts";
import { Rig } from "../rig.ts";
import type { LoadSpec } from "../spec.ts";
import { makeSets } from "../table.ts";

/**
 * A large table comes in while few watch. Further feeders repeat it with the same attributes and next hop, so that what they add to the
 * daemon's memory is its cost of a path alone.
 */
export function ingest(spec: LoadSpec): Rig {
  const rig = new Rig(spec, 262_144);
  const { table } = rig;
  const feeders = Array.from({ length: spec.feeders }, () => rig.session());
  const clients = Array.from({ length: spec.clients }, () => rig.session());
  const first = feeders[0]!;
  const sets = makeSets(table.setStart.length - 1, seededRandom(spec.table.seed + 1));
  const expectation = rig.expectation();
  rig.expect(expectation, first, sets); // the lowest ORIGINATOR_ID wins
  for (const session of clients) rig.view(session, expectation);
  const stream = rig.announceAll(first, sets);
  rig.pool.prepare(Math.min(4e9, stream.length * 1.4 * clients.length));
  rig.establish([...feeders, ...clients]);
  rig.phase("ingest", () => first.send(stream));
  feeders.slice(1).forEach((feeder, i) => {
    const before = rig.sample().residentMb;
    rig.phase(
      `feeder ${i + 2}`,
      () => {
        feeder.send(stream);
        rig.fleet.until(() => feeder.waiting === 0, spec.timeoutSeconds * 1000);
        rig.idle();
      },
      (startMs) => ({
        wallSeconds: (rig.fleet.nowMs - startMs) / 1000,
        figures: { bytesPerPath: ((rig.sample().residentMb - before) * 2 ** 20) / table.prefixes.count },
      }),
    );
  });
  return rig;
}
