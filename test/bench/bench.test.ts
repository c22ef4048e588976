import t from "tap";
import { Encoder, encodeAnnounce, encodeOpen, encodeWithdraw } from "../../bench/load/encode.ts";
import { Classes, View } from "../../bench/load/expectation.ts";
import { ChunkPool, Recording } from "../../bench/load/recording.ts";
import type { Sys } from "../../bench/load/sys.ts";
import { makeSets, makeTable } from "../../bench/load/table.ts";
import { fitPowerLaw } from "../../bench/report/fit.ts";
import { median } from "../../bench/report/median.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { decodeAttributes } from "../../src/wire/attribute/decode.ts";
import { codecContext } from "../../src/wire/context.ts";
import { scanUpdate } from "../../src/wire/message/update.ts";
import { updateLayout } from "../../src/wire/message/update-layout.ts";

const nextHop = Uint8Array.of(10, 0, 1, 0);
const shape = { routes: 5000, family: 4, seed: 3, lengths: "internet" } as const;

/** A socket that has `bytes` to read, in pieces of `piece`. */
function reading(bytes: Uint8Array, piece: number): Sys {
  let at = 0;
  return {
    receive(_fd: number, into: Uint8Array) {
      if (at === bytes.length) return -1;
      const got = Math.min(piece, into.length, bytes.length - at);
      into.set(bytes.subarray(at, at + got));
      at += got;
      return got;
    },
  } as unknown as Sys;
}

t.test("a made-up table has the shape that it promises", (t) => {
  const table = makeTable({ ...shape, routes: 50_000 }, seededRandom(1));
  const sets = table.setStart.length - 1;
  const sizes = Array.from({ length: sets }, (_, s) => table.setStart[s + 1]! - table.setStart[s]!);
  t.match(50_000 / sets, /^1[123]\./, "about 12 prefixes share an attribute set");
  t.match(sizes.filter((size) => size === 1).length / sets, /^0\.[34]/, "about 40 % stand alone");
  t.ok(Math.max(...sizes) <= 200, "no set has more than 200");
  const share = (length: number) => table.prefixes.lengths.filter((l) => l === length).length / 50_000;
  t.ok(Math.abs(share(24) - 0.6) < 0.01, "60 % are /24");
  t.equal(
    new Set(Array.from({ length: 50_000 }, (_, i) => `${table.prefixes.high[i]}/${table.prefixes.lengths[i]}`)).size,
    50_000,
    "all are distinct",
  );
  t.same(
    makeTable(shape, seededRandom(9)).prefixes.high,
    makeTable(shape, seededRandom(9)).prefixes.high,
    "the same from the same seed",
  );
  t.end();
});

t.test("what the generator says is what the daemon's own decoder reads", (t) => {
  const table = makeTable(shape, seededRandom(1));
  const sets = makeSets(table.setStart.length - 1, seededRandom(2));
  for (const [s, set] of sets.entries()) {
    const e = new Encoder();
    encodeAnnounce(e, table, set, { nextHop }, table.setStart[s]!, table.setStart[s + 1]!);
    const context = codecContext();
    const layout = updateLayout();
    scanUpdate(e.bytes, 19, e.length, context, layout);
    const decoded = decodeAttributes(e.bytes, layout, context, "ipv4-nlri");
    t.same(decoded.faults, []);
    const { attributes } = decoded;
    if (attributes === null) throw new Error("treated as a withdrawal");
    t.same(
      attributes.asPath.flatMap((segment) => segment.asns),
      set.asPath,
    );
    t.same([attributes.med, attributes.localPref, attributes.communities], [set.med, 100, set.communities]);
    t.same(attributes.largeCommunities.flat(), set.largeCommunities);
  }
  t.end();
});

for (const [family, chunk, piece] of [
  [4, 4096, 1000],
  [4, 300, 7],
  [6, 4096, 5000],
] as const)
  t.test(
    `a recording of IPv${family} in chunks of ${chunk} and reads of ${piece} octets gives back every route`,
    (t) => {
      const table = makeTable({ ...shape, family, routes: 600 }, seededRandom(1));
      const sets = makeSets(table.setStart.length - 1, seededRandom(2));
      const classes = new Classes();
      const marks = { nextHop: family === 4 ? nextHop : new Uint8Array(16).fill(3) };
      const wanted = new Int32Array(600);
      const e = new Encoder();
      e.raw(encodeOpen({ as: 65000, holdTimeSeconds: 90, routerId: nextHop, family, addPath: false }));
      sets.forEach((set, s) => {
        wanted.fill(classes.expect(set, marks), table.setStart[s]!, table.setStart[s + 1]!);
        encodeAnnounce(e, table, set, marks, table.setStart[s]!, table.setStart[s + 1]!);
      });
      const view = new View(
        { table, classes, wanted, owner: new Int32Array(600).fill(-1) },
        1,
        Uint8Array.of(9, 9, 9, 9),
      );
      t.equal(view.wrong, 600, "nothing is held yet");
      const hear = (bytes: Uint8Array) => {
        const recording = new Recording(new ChunkPool(chunk));
        const sys = reading(bytes, piece);
        for (let now = 1; recording.readFrom(sys, 0, now) > 0; now++);
        recording.parse((type, message, start, end, atMs) => {
          if (type === 2) view.update(message, start, end, false, atMs);
        });
        t.equal(recording.unparsed, 0);
      };
      hear(e.taken());
      t.equal(view.wrong, 0, "all is held as it was sent");
      t.equal(view.rightSinceMs, Math.ceil(e.length / piece), "a route arrived when the read that completed it did");
      const gone = new Encoder();
      encodeWithdraw(gone, table, 100, 150);
      hear(gone.taken());
      t.equal(view.wrong, 50, "a withdrawn route that should be there is missed");
      t.equal(view.missing, 50);
      t.equal(view.complaint(), "", "what is missing is not what is wrong");
      t.end();
    },
  );

t.test(
  "a route with other attributes, another next hop or one's own ORIGINATOR_ID is not taken for the right one",
  (t) => {
    const table = makeTable({ ...shape, routes: 1, perSet: 1 }, seededRandom(1));
    const [set] = makeSets(1, seededRandom(2));
    const classes = new Classes();
    const cluster = Uint8Array.of(1, 1, 1, 1);
    const marks = { nextHop, reflected: { originator: nextHop, cluster } };
    const expectation = {
      table,
      classes,
      wanted: Int32Array.of(classes.expect(set!, marks)),
      owner: Int32Array.of(-1),
    };
    const wrongAfter = (change: { set?: object; marks?: object }) => {
      const view = new View(expectation, 1, Uint8Array.of(9, 9, 9, 9));
      const e = new Encoder();
      encodeAnnounce(e, table, { ...set!, ...change.set }, { ...marks, ...change.marks }, 0, 1);
      view.update(e.bytes, 19, e.length, false, 1);
      return view.wrong;
    };
    t.equal(wrongAfter({}), 0);
    t.equal(wrongAfter({ set: { asPath: [...set!.asPath, 5] } }), 1);
    t.equal(wrongAfter({ set: { communities: [1] } }), 1);
    t.equal(wrongAfter({ set: { med: 77 } }), 1);
    t.equal(wrongAfter({ marks: { nextHop: Uint8Array.of(10, 0, 1, 1) } }), 1);
    t.equal(wrongAfter({ marks: { reflected: { originator: cluster, cluster } } }), 1);
    t.equal(wrongAfter({ marks: { reflected: { originator: Uint8Array.of(9, 9, 9, 9), cluster } } }), 1);
    t.end();
  },
);

t.test("a power law is found with its error, and a median in the middle", (t) => {
  const exact = fitPowerLaw([8, 16, 32, 64].map((n) => [n, 3 * n ** 2]));
  t.ok(Math.abs(exact.exponent - 2) < 1e-9 && exact.error < 1e-9 && Math.abs(exact.factor - 3) < 1e-9);
  const noisy = fitPowerLaw([8, 16, 32, 64].map((n, i) => [n, n ** 2 * (i % 2 === 0 ? 1.3 : 0.7)]));
  t.ok(noisy.error > 0.1, "scatter shows");
  t.throws(
    () =>
      fitPowerLaw([
        [1, 1],
        [2, 2],
      ]),
    /three points/,
  );
  t.same([median([3, 1, 2]), median([4, 1])], [2, 2.5]);
  t.end();
});
