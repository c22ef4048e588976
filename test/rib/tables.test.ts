import fc from "fast-check";
import t from "tap";
import { parseAddress, parsePrefix } from "../../src/lib/address.ts";
import { ByteSlabs } from "../../src/lib/columns/byte-slabs.ts";
import { IdIndex } from "../../src/lib/columns/id-index.ts";
import { PAGE_BITS, PAGE_MASK, RecordPages } from "../../src/lib/columns/record-pages.ts";
import { Family } from "../../src/lib/family.ts";
import { Hasher } from "../../src/lib/hash.ts";
import { prefixAt } from "../../src/lib/prefix-words.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { isMartian4, isMartian6 } from "../../src/rib/martian-prefix.ts";
import { PrefixTable } from "../../src/rib/prefix-table.ts";
import { LOCAL_SOURCE, SourceTable } from "../../src/rib/source-table.ts";

const below = (random: { next(): number }, n: number) => Math.floor(random.next() * n);

t.test(
  "records are named by ids from 1 on, keep their words, and freed ids are used again, the lowest page first",
  (t) => {
    const random = seededRandom(1);
    const records = new RecordPages(3);
    const model = new Map<number, number>();
    const word = (id: number, w: number) => records.pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * 3 + w]!;
    const add = () => {
      const id = records.allocate();
      if (model.has(id) || id === 0) t.fail(`id ${id} isn't fresh`);
      const value = below(random, 1 << 30);
      records.pages[id >>> PAGE_BITS]!.fill(value, (id & PAGE_MASK) * 3, (id & PAGE_MASK) * 3 + 3);
      model.set(id, value);
    };
    for (let i = 0; i < 300; i++) add();
    for (let i = 0; i < 40_000; i++) records.allocate();
    const end = records.end;
    t.equal(records.live, 40_300);
    for (const [id, value] of model) if (word(id, 0) !== value || word(id, 2) !== value) t.fail(`record ${id} changed`);
    for (let id = 20_000; id <= 40_300; id++) records.free(id);
    t.ok(records.end < end, "pages whose records are all free were given back");
    for (const id of [...model.keys()].slice(0, 10)) {
      records.free(id);
      model.delete(id);
    }
    const again = Array.from({ length: 10 }, () => records.allocate());
    t.ok(
      again.every((id) => id <= 300),
      "the lowest page's free ids came first",
    );
    t.end();
  },
);

t.test("a speaker with a few records pays for a few", (t) => {
  const records = new RecordPages(4);
  for (let i = 0; i < 10; i++) records.allocate();
  t.ok(records.bytes <= 1024, `${records.bytes} octets`);
  t.ok(new IdIndex().bytes <= 256);
  t.end();
});

t.test(
  "the index finds every id under its hash, whatever was inserted and removed, and shrinks when it empties",
  (t) => {
    for (const hashes of [0xffffffff, 5000, 7]) {
      const random = seededRandom(hashes);
      const index = new IdIndex();
      const hashOf = new Map<number, number>();
      const find = (hash: number) => {
        const found = [];
        for (let id = index.first(hash); id !== 0; id = index.next()) found.push(id);
        return found.sort((a, b) => a - b);
      };
      let fresh = 1;
      const count = hashes === 7 ? 2000 : 40_000;
      for (let i = 0; i < count; i++) {
        if (hashOf.size > 0 && random.next() < 0.3) {
          const id = [...hashOf.keys()][0]!;
          index.remove(hashOf.get(id)!, id);
          hashOf.delete(id);
        } else {
          const hash = Math.imul(below(random, hashes), 0x9e3779b1) >>> 0;
          index.insert(hash, fresh);
          hashOf.set(fresh++, hash);
        }
      }
      t.equal(index.size, hashOf.size);
      const byHash = new Map<number, number[]>();
      for (const [id, hash] of hashOf) byHash.set(hash, [...(byHash.get(hash) ?? []), id]);
      let checked = 0;
      for (const [hash, ids] of byHash) {
        if (find(hash).join() !== ids.sort((a, b) => a - b).join()) t.fail(`hash ${hash}`);
        if (++checked === 3000) break;
      }
      const full = index.bytes;
      for (const [id, hash] of hashOf) index.remove(hash, id);
      t.equal(index.size, 0);
      t.same(find(1), []);
      if (hashes > 7) t.ok(index.bytes < full / 4, `${full} octets became ${index.bytes}`);
      t.throws(() => index.remove(1, 1), "an id that isn't there is a bug, not a loop");
    }
    t.end();
  },
);

t.test("grave marks of a table that changes without growing don't make it grow", (t) => {
  const random = seededRandom(5);
  const index = new IdIndex();
  const live: [number, number][] = [];
  for (let id = 1; id <= 20_000; id++) {
    const hash = below(random, 0xffffffff) >>> 0;
    index.insert(hash, id);
    live.push([hash, id]);
  }
  const bytes = index.bytes;
  for (let id = 20_001; id <= 120_000; id++) {
    const at = below(random, live.length);
    index.remove(...live[at]!);
    live[at] = [below(random, 0xffffffff) >>> 0, id];
    index.insert(...live[at]!);
  }
  t.ok(index.bytes <= bytes * 2, `${bytes} octets became ${index.bytes}`);
  t.ok(live.every(([hash, id]) => index.first(hash) === id || index.next() === id));
  t.end();
});

t.test("byte strings of every length keep their octets, and freed room is used again", (t) => {
  const random = seededRandom(3);
  const slabs = new ByteSlabs();
  const kept: { location: number; length: number; seed: number }[] = [];
  const write = ({ location, length, seed }: (typeof kept)[number]) => {
    const page = slabs.page(location);
    const start = slabs.offset(location);
    if (start + length > page.length) t.fail("out of the page");
    for (let i = 0; i < length; i++) page[start + i] = seed + i;
  };
  const intact = ({ location, length, seed }: (typeof kept)[number]) => {
    const page = slabs.page(location);
    const start = slabs.offset(location);
    for (let i = 0; i < length; i++) if (page[start + i] !== ((seed + i) & 255)) return false;
    return true;
  };
  const churn = (rounds: number) => {
    for (let i = 0; i < rounds; i++) {
      if (kept.length > 500) {
        const at = below(random, kept.length);
        const [gone] = kept.splice(at, 1);
        if (!intact(gone!)) t.fail(`string of ${gone!.length} changed`);
        slabs.free(gone!.location);
      }
      const length = random.next() < 0.02 ? below(random, 140_000) : below(random, 300);
      const entry = { location: slabs.allocate(length), length, seed: below(random, 256) };
      write(entry);
      kept.push(entry);
    }
  };
  churn(3000);
  const steady = slabs.bytes;
  churn(10_000);
  t.ok(slabs.bytes < steady * 1.6, `${steady} octets became ${slabs.bytes} under churn`);
  t.ok(kept.every(intact));
  for (const { location } of kept) slabs.free(location);
  t.equal(slabs.bytes, 0, "all pages were given back");
  t.end();
});

t.test("hashes depend on the secret, on every octet, and chain over pieces", (t) => {
  const a = new Hasher(seededRandom(1));
  const b = new Hasher(seededRandom(2));
  const bytes = Uint8Array.from({ length: 70 }, (_, i) => i);
  t.not(a.bytes(bytes, 0, 70, 0), b.bytes(bytes, 0, 70, 0));
  t.not(a.prefix4(1, 32), b.prefix4(1, 32));
  const hashes = new Set<number>();
  for (let length = 0; length <= 70; length++) hashes.add(a.bytes(bytes, 0, length, 0));
  for (let i = 0; i < 70; i++) {
    const changed = bytes.slice();
    changed[i]! ^= 0x80;
    hashes.add(a.bytes(changed, 0, 70, 0));
  }
  t.equal(hashes.size, 141, "lengths and single bits all tell");
  t.not(a.bytes(bytes, 0, 70, 1), a.bytes(bytes, 0, 70, 2), "the start state tells");
  t.end();
});

t.test("differences that cancel in simple multiplicative hashes don't collide under a secret (hash flooding)", (t) => {
  // The top bit of one word and the bits that it turns into in the next: a collision for every seed of x = (x ^ w) * odd; x ^= x >>> 15.
  const hasher = new Hasher(seededRandom(9));
  const six = new Set<number>();
  const text = new Set<number>();
  for (let i = 0; i < 16; i++) {
    const words = [1, 2, 3, 4];
    for (let bit = 0; bit < 3; bit++)
      if ((i >> bit) & 1) {
        words[bit] = (words[bit]! ^ 0x80000000) >>> 0;
        words[bit + 1] = (words[bit + 1]! ^ 0x80010000) >>> 0;
      }
    six.add(hasher.prefix6(words[0]!, words[1]!, words[2]!, words[3]!, 64));
    text.add(hasher.bytes(new Uint8Array(new Uint32Array(words).buffer), 0, 16, 0));
  }
  t.equal(six.size, 8);
  t.equal(text.size, 8);
  t.end();
});

t.test("prefixes are found by address and length, in both families", (t) => {
  for (const family of [Family.Ipv4Unicast, Family.Ipv6Unicast]) {
    const random = seededRandom(family + 10);
    const table = new PrefixTable(family, new Hasher(random));
    const model = new Map<string, number>();
    const bits = family === Family.Ipv4Unicast ? 32 : 128;
    for (let i = 0; i < 30_000; i++) {
      const length = below(random, bits + 1);
      const words = Array.from({ length: bits / 32 }, (_, w) => {
        const kept = Math.max(0, Math.min(32, length - 32 * w));
        return kept === 0 ? 0 : (below(random, 4) << (32 - kept)) >>> 0;
      });
      const key = `${words}/${length}`;
      const id = table.insert(words, length);
      const known = model.get(key);
      if (known !== undefined && known !== id) t.fail(`${key} has two ids`);
      model.set(key, id);
      table.retain(id);
    }
    t.equal(table.size, model.size);
    for (const [key, id] of model) {
      if (`${prefixAt(table, id).words}/${table.length(id)}` !== key)
        t.fail(`${key} reads back as ${prefixAt(table, id).words}`);
      if (table.find(prefixAt(table, id).words, table.length(id)) !== id) t.fail(`${key} isn't found`);
    }
    let walked = 0;
    for (let id = table.next(0); id !== 0; id = table.next(id)) walked++;
    t.equal(walked, model.size, "a walk meets each once");
    t.equal(table.find([1, 2, 3, 4], 9), 0);
    for (const id of model.values())
      while (table.find(prefixAt(table, id).words, table.length(id)) === id) table.release(id);
    t.equal(table.size, 0, "the last release frees the id");
    t.equal(table.next(0), 0);
  }
  t.end();
});

t.test("a pinned prefix keeps its id, and a release too many is a bug", (t) => {
  const table = new PrefixTable(Family.Ipv4Unicast, new Hasher(seededRandom(1)));
  const { words, length } = parsePrefix("10.0.0.0/8");
  const id = table.insert(words, length);
  table.retain(id);
  table.retain(id);
  table.release(id);
  t.equal(table.find(words, length), id);
  table.release(id);
  t.equal(table.find(words, length), 0);
  const other = table.insert([0xc0a80000], 16);
  t.equal(other, id, "its id is used again");
  t.throws(() => table.release(other), /isn't pinned/);
  t.end();
});

t.test("the longest match, what lies within a prefix, and the order of output", (t) => {
  const table = new PrefixTable(Family.Ipv4Unicast, new Hasher(seededRandom(1)));
  const texts = ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "10.1.1.128/25", "192.168.0.0/16"];
  const ids = new Map(
    texts.map((text) => {
      const { words, length } = parsePrefix(text);
      return [text, table.insert(words, length)];
    }),
  );
  const match = (address: string) => table.longestMatch(parseAddress(address), 32, () => true);
  t.equal(match("10.1.1.200"), ids.get("10.1.1.128/25"));
  t.equal(match("10.1.1.1"), ids.get("10.1.1.0/24"));
  t.equal(match("10.2.0.1"), ids.get("10.0.0.0/8"));
  t.equal(match("8.8.8.8"), ids.get("0.0.0.0/0"));
  t.equal(
    table.longestMatch(parseAddress("10.1.1.200"), 32, (id) => table.length(id) < 24),
    ids.get("10.1.0.0/16"),
    "those that aren't accepted don't count",
  );
  const longer = [...ids].filter(([, id]) => table.within(id, [0x0a010000], 16)).map(([text]) => text);
  t.same(longer, ["10.1.0.0/16", "10.1.1.0/24", "10.1.1.128/25"]);
  const sorted = [...ids].reverse().sort(([, a], [, b]) => table.compare(a, b));
  t.same(
    sorted.map(([text]) => text),
    texts,
  );
  t.end();
});

t.test("martian prefixes: what lies in a block that can't be forwarded to, not what holds one", (t) => {
  const martian = (text: string) => {
    const { words, length } = parsePrefix(text);
    return words.length === 1
      ? isMartian4(words[0]!, length)
      : isMartian6(words[0]!, words[1]!, words[2]!, words[3]!, length);
  };
  for (const text of [
    "0.0.0.0/8",
    "0.1.2.0/24",
    "0.0.0.0/32",
    "127.0.0.0/8",
    "127.0.0.1/32",
    "224.0.0.0/4",
    "239.1.0.0/16",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "::1/128",
    "ff00::/8",
    "ff02::1/128",
    "fe80::/10",
    "fe80::1/128",
    "::ffff:0.0.0.0/96",
    "::ffff:10.0.0.0/104",
  ])
    t.ok(martian(text), text);
  for (const text of [
    "0.0.0.0/0",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "224.0.0.0/3",
    "1.0.0.0/8",
    "126.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "192.0.2.0/24",
    "223.255.255.0/24",
    "::/0",
    "::/3",
    "2000::/3",
    "2001:db8::/32",
    "fc00::/7",
    "fec0::/10",
    "64:ff9b::/96",
    "fe00::/9",
  ])
    t.notOk(martian(text), text);
  t.end();
});

t.test("a source id that was freed rests before it is used again", (t) => {
  const sources = new SourceTable({ as: 65001, routerId: 1 });
  t.equal(sources.info(LOCAL_SOURCE)?.kind, "local");
  const info = {
    kind: "internal",
    client: true,
    remoteAs: 65001,
    routerId: 2,
    address: [2],
    peer: "0.0.0.2",
    name: "",
  } as const;
  const first = sources.add(info);
  const seen = new Set<number>();
  let id = first;
  for (let i = 0; i < 1000; i++) {
    sources.remove(id);
    if (sources.info(id) !== undefined) t.fail(`source ${id} is still there`);
    id = sources.add(info);
    if (i < 200) {
      if (seen.has(id)) t.fail(`source ${id} was used again too soon`);
      seen.add(id);
    }
  }
  t.ok(sources.limit < 300, "ids don't grow with the number of sessions ever");
  t.throws(() => sources.remove(LOCAL_SOURCE));
  t.throws(() => sources.remove(first === id ? first + 1 : first));
  t.end();
});

t.test("a table of prefixes and one of strings agree for any input", (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ address: fc.nat({ max: 15 }), length: fc.integer({ min: 28, max: 32 }), remove: fc.boolean() }),
      ),
      (operations) => {
        const table = new PrefixTable(Family.Ipv4Unicast, new Hasher(seededRandom(3)));
        const model = new Map<string, number>();
        for (const { address, length, remove } of operations) {
          const masked = (address & (-1 << (32 - length))) >>> 0;
          const key = `${masked}/${length}`;
          const known = model.get(key);
          if (known !== undefined && remove) {
            table.release(known);
            model.delete(key);
          } else if (known === undefined && !remove) {
            const id = table.insert4(masked, length);
            table.retain(id);
            model.set(key, id);
          }
          if (table.find4(masked, length) !== (model.get(key) ?? 0)) return false;
        }
        return table.size === model.size;
      },
    ),
  );
  t.end();
});
