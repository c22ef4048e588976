import { seededRandom } from "../../../src/lib/random.ts";
import type { Expectation } from "../expectation.ts";
import { Rig } from "../rig.ts";
import type { Session } from "../session.ts";
import type { LoadSpec } from "../spec.ts";
import { makeSets } from "../table.ts";

/** The community with which a route is kept from update group `group`. */
export const keptFrom = (group: number): number => 64_999 * 65_536 + group;

/**
 * As reflect, but not tidy: clients in several update groups (each with an export policy that keeps some routes back), some of them slow
 * readers, and joiners that come 200 ms apart while the table moves.
 */
export function mixed(spec: LoadSpec): Rig {
  const rig = new Rig(spec, 131_072);
  const { table } = rig;
  const random = seededRandom(spec.table.seed + 2);
  const feeder = rig.session();
  const sets = makeSets(table.setStart.length - 1, seededRandom(spec.table.seed + 1)).map((set) =>
    random.next() < 0.02
      ? {
          ...set,
          communities: [
            ...set.communities.filter((c) => c < keptFrom(0)),
            keptFrom(Math.floor(random.next() * spec.groups)),
          ],
        }
      : set,
  );
  const expectations = Array.from({ length: spec.groups }, (_, group): Expectation => {
    const expectation = rig.expectation();
    sets.forEach((set, s) => {
      if (!set.communities.includes(keptFrom(group))) rig.expect(expectation, feeder, sets, s, s + 1);
    });
    return expectation;
  });
  const client = (i: number, receiveBuffer = 0): Session => {
    const session = rig.session(i % spec.groups, receiveBuffer);
    rig.view(session, expectations[i % spec.groups]!);
    return session;
  };
  const slow = Array.from({ length: spec.slowClients }, (_, i) => client(i, 16_384));
  const fast = Array.from({ length: spec.clients - slow.length }, (_, i) => client(i));
  const joiners = Array.from({ length: spec.lateClients }, (_, i) => client(i));
  const stream = rig.announceAll(feeder, sets);
  rig.pool.prepare(Math.min(4e9, stream.length * 1.4 * (spec.clients + joiners.length)));
  rig.establish([feeder, ...slow, ...fast]);
  // A slow reader takes what lies in its small buffer 50 times a second: one to two megabytes a second.
  for (const session of slow) session.pause(true);
  const sip = (): void => {
    for (const session of slow) if (session.state === "established") session.read(rig.fleet.nowMs);
    rig.fleet.after(20, sip);
  };
  sip();
  rig.phase(
    "mixed",
    () => {
      feeder.send(stream);
      rig.fleet.connectApart(joiners, 200);
    },
    (startMs) => ({
      figures: { fastWallSeconds: Math.max(...fast.map((s) => rig.views.get(s)!.rightSinceMs - startMs)) / 1000 },
    }),
  );
  return rig;
}
