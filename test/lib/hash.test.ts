import t from "tap";
import { Hasher } from "../../src/lib/hash.ts";
import { seededRandom } from "../../src/lib/random.ts";

t.test(
  "prefixes that were chosen to collide don't, whatever the secret: no two words cancel each other, nor a word and the length",
  (t) => {
    const words = Array.from({ length: 32 }, (_, i) => i);
    for (let seed = 1; seed <= 200; seed++) {
      const hasher = new Hasher(seededRandom(seed));
      const sets = {
        "first word and length": words.flatMap((w) =>
          words.map((n) => hasher.prefix6(0x20010d00 + w, 0, 0, 0, 33 + n)),
        ),
        "last word and length": words.flatMap((w) =>
          words.map((n) => hasher.prefix6(0x20010db8, 0, 0, w << 4, 97 + n)),
        ),
        "first words": words.flatMap((w) => words.map((n) => hasher.prefix6(0x20010d00 + w, n, 0, 0, 64))),
        "inner words": words.flatMap((w) => words.map((n) => hasher.prefix6(0x20010db8, w, n, 0, 96))),
        "last words": words.flatMap((w) => words.map((n) => hasher.prefix6(0x20010db8, 0, w, n, 128))),
        "high bits": words.flatMap((w) => words.map((n) => hasher.prefix6(w << 27, n << 27, 0, 0, 64))),
        "IPv4 address and length": words.flatMap((w) => words.map((n) => hasher.prefix4((w << 27) >>> 0, 1 + n))),
        "IPv4 low bits and length": words.flatMap((w) => words.map((n) => hasher.prefix4(0x0a000000 + w, 1 + n))),
      };
      for (const [name, hashes] of Object.entries(sets)) {
        // Of 1,024 random words two are the same in one of 8,000 sets; three pairs never.
        const same = hashes.length - new Set(hashes).size;
        if (same > 2) t.fail(`seed ${seed}, ${name}: ${same} of ${hashes.length} collide`);
      }
    }
    t.pass("200 secrets");
    t.end();
  },
);
