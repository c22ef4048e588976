import t from "tap";
import { parseIpv4 } from "../../../src/lib/address.ts";
import type { Rib } from "../../../src/rib/rib.ts";
import { Weigher } from "../../../src/rib/weigher.ts";
import { Admission } from "../../../src/speaker/load/admission.ts";
import { BackPressure } from "../../../src/speaker/load/back-pressure.ts";
import { MemoryGuard } from "../../../src/speaker/load/memory-guard.ts";
import { VirtualClock } from "../../../testbed/virtual-clock.ts";
import { ribKit } from "../../support/rib-kit.ts";

/** The rest of what the guard does is in prefix-limits.test.ts, with sessions. */
function guardOf() {
  const clock = new VirtualClock();
  const held = { tables: 0, beside: 0, collected: 0 };
  const guard = new MemoryGuard({
    clock,
    log: { event() {} },
    rib: {
      get bytes() {
        return held.tables;
      },
      sources: { limit: 2 },
    } as unknown as Rib,
    backPressure: new BackPressure(clock, () => 0),
    port: {
      available: 2 ** 34,
      used: () => held.tables + held.beside,
      heapShare: () => 0,
      collect: () => void held.collected++,
    },
    limits: () => ({ memory: "auto", memoryPerPeer: "none", halfOpen: 10, announced: 100_000, pathsPerPrefix: 1024 }),
    peers: [],
    admission: new Admission(),
  });
  return { clock, held, guard };
}

t.test("what a big peer leaves behind is given back once the tables are at rest, and only then", (t) => {
  const { held, guard } = guardOf();
  const at = (mebibytes: number) => {
    held.tables = mebibytes * 2 ** 20;
    guard.tick();
    return held.collected;
  };
  t.equal(at(10) + at(200) + at(200), 0);
  t.equal(at(150) + at(90), 0, "still shrinking");
  t.equal(at(70), 0);
  t.equal(at(70), 1);
  t.equal(at(70), 1, "once");
  t.equal(at(50), 1);
  t.equal(at(50), 1, "not for a trifle");
  t.end();
});

t.test("what long answers leave behind is given back once it rests, and what stays is no garbage again", (t) => {
  const { clock, held, guard } = guardOf();
  const at = (mebibytes: number, ms = 1000) => {
    clock.advance(ms);
    held.beside = mebibytes * 2 ** 20;
    guard.tick();
    return held.collected;
  };
  t.equal(at(30) + at(30) + at(40) + at(53), 0);
  t.equal(at(120) + at(121.5), 0, "still growing");
  t.equal(at(121.5, 100), 0, "two looks in one second say nothing");
  t.equal(at(121.5), 1);
  t.equal(at(121.5) + at(140), 2, "it was needed after all: once");
  t.equal(at(20) + at(45) + at(45), 4, "the least since then counts");
  t.equal(held.collected, 2);
  t.end();
});

t.test("routes are weighed by source: an attribute set's cost is shared by those who hold it", (t) => {
  const kit = ribKit();
  const [light, heavy] = [kit.source(), kit.source()];
  const shared = kit.set({ communities: Array.from({ length: 500 }, (_, i) => i + 1) });
  const announce = (source: number, address: string, set: number) =>
    kit.rib.ipv4.announce4(source, parseIpv4(address), 24, 0, set);
  for (let i = 0; i < 50; i++) {
    announce(light, `10.0.${i}.0`, shared);
    announce(heavy, `10.1.${i}.0`, shared);
    announce(
      heavy,
      `10.2.${i}.0`,
      kit.set({ communities: Array.from({ length: 500 }, (_, j) => 1000 * i + j + 1000) }),
    );
  }
  const weigher = new Weigher(kit.rib);
  weigher.begin();
  let slices = 1;
  while (!weigher.step(20)) slices++;
  t.ok(slices > 5, "in slices");
  const [lightOctets, heavyOctets] = [weigher.octets(light), weigher.octets(heavy)];
  t.ok(lightOctets < 50 * 150, `${lightOctets}`);
  t.ok(heavyOctets > 50 * 4000, `${heavyOctets}`);
  t.equal(weigher.octets(999), 0);
  t.end();
});
