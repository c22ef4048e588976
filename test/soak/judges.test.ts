import t from "tap";
import { digest } from "../../trials/soak/client.ts";
import { judgeMemory } from "../../trials/soak/memory.ts";

const MIB = 2 ** 20;
const samples = (heap: (minute: number) => number, rss = (_: number) => 100 * MIB) =>
  Array.from({ length: 30 }, (_, i) => ({
    minute: i + 1,
    heapUsed: heap(i + 1),
    external: 10 * MIB,
    arrayBuffers: 8 * MIB,
    rssBefore: 120 * MIB,
    rss: rss(i + 1),
    writerRss: 50 * MIB,
  }));
const verdict = (...given: Parameters<typeof samples>) => judgeMemory(samples(...given)).map(({ ok }) => ok);

t.test(
  "the soak calls memory flat within 2 % after a collection and 5 % resident, over the last two thirds",
  async (t) => {
    t.same(
      verdict(() => 30 * MIB),
      [true, true, true],
    );
    t.same(
      verdict((minute) => (minute <= 10 ? minute : 30) * MIB),
      [true, true, true],
      "what grows once is no leak",
    );
    t.same(
      verdict((minute) => (30 + minute / 20) * MIB),
      [false, true, true],
      "3 MiB an hour is one",
    );
    t.same(
      verdict(
        () => 30 * MIB,
        (minute) => (100 + minute / 3) * MIB,
      ),
      [true, false, true],
    );
    t.match(judgeMemory(samples((minute) => (30 + minute / 20) * MIB))[0]!.text, "3.00 MiB an hour");
  },
);

t.test("two sets of attributes have the same digest in any order, and another for any other value", async (t) => {
  const of = (...parts: number[][]) => {
    const bytes = Buffer.from(parts.flat());
    return digest(bytes, 0, bytes.length);
  };
  const origin = [0x40, 1, 1, 0];
  const preference = [0x40, 5, 4, 0, 0, 0, 100];
  t.equal(of(origin, preference), of(preference, origin));
  t.equal(of([0x50, 1, 0, 1, 0]), of(origin), "however the length is written");
  t.not(of(origin), of([0x40, 1, 1, 1]));
  t.not(of([0xc0, 99, 1, 7]), of([0xe0, 99, 1, 7]), "Partial is part of it");
  t.not(of([]), 0);
});
