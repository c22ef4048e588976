import t from "tap";
import { type GroupKey, keyText } from "../../../src/export/group-key.ts";
import { ALL, type Batch, except, Log, only } from "../../../src/export/told/update-log.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { clientKey } from "../support.ts";

/** One octet a message, so that what is read shows which messages they were. */
const append = (log: Log, ...runs: readonly [audience: number, octets: string][]): void => {
  const text = Buffer.from(runs.map(([, octets]) => octets).join(""));
  const ends: number[] = [];
  for (const [, octets] of runs) ends.push((ends.at(-1) ?? 0) + octets.length);
  log.append(
    text,
    text.length,
    ends,
    runs.map(([audience]) => audience),
    runs.map(([, octets]) => octets.length),
  );
};
const text = (batch: Batch | null): string => (batch === null ? "" : Buffer.concat(batch.buffers).toString());

t.test("a run for all, for all but one, and for one alone reaches whom it is for", async (t) => {
  const log = new Log();
  const start = log.end();
  append(log, [ALL, "ab"], [except(7), "cd"], [only(7), "e"], [only(8), "f"], [except(8), "gh"], [except(39), "i"]);
  const read = (source: number) => log.read(start.copy(), source, 1000);
  t.equal(text(read(1)), "abcdghi");
  t.equal(text(read(7)), "abeghi");
  t.equal(text(read(8)), "abcdfi");
  t.equal(text(read(39)), "abcdgh", "39 and 7 share a bit of the mask, and are told apart all the same");
  t.equal(read(8)!.messages, 6);
  t.equal(read(8)!.bytes, 6);
});

t.test("readers at one place share the batch; one whom a run concerns gets its own", async (t) => {
  const log = new Log();
  const start = log.end();
  append(log, [except(7), "abc"]);
  const read = (source: number) => log.read(start.copy(), source, 1000);
  t.equal(read(1), read(2), "the same object");
  t.equal(read(7), null);
});

t.test("bytes that were read never change when more are appended", async (t) => {
  const log = new Log();
  const cursor = log.end();
  append(log, [ALL, "first"]);
  const batch = log.read(cursor, 1, 1000);
  append(log, [ALL, "second"]);
  t.equal(text(batch), "first");
  t.equal(text(log.read(cursor, 1, 1000)), "second");
});

t.test("a reader that stopped in a chunk is brought up to date by what was told since the chunk's epoch", async (t) => {
  const log = new Log();
  const random = seededRandom(3);
  const cursors = [log.end()];
  const told: { epoch: number; at: number }[] = [];
  for (let i = 0; i < 2000; i++) {
    log.begin();
    told.push({ epoch: log.epoch, at: log.total });
    append(log, [ALL, "x".repeat(1 + Math.floor(random.next() * 3000))]);
    if (random.next() < 0.05) cursors.push(log.end());
  }
  let more = 0;
  for (const cursor of cursors) {
    const missed = told.filter(({ at }) => at >= cursor.position);
    t.ok(missed.every(({ epoch }) => epoch >= cursor.chunk.epoch));
    more += told.filter(({ epoch, at }) => epoch >= cursor.chunk.epoch && at < cursor.position).length;
  }
  t.ok(more / cursors.length < 130, `${more / cursors.length} changes of 2000 too many on average: half a chunk's`);
});

t.test("any reader, at any pace, gets exactly its messages in order", async (t) => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seededRandom(seed);
    const log = new Log(seed % 2 === 0);
    const sources = [1, 2, 33, 34];
    const readers = sources.map((source) => ({ source, cursor: log.end(), expected: "", found: "", messages: 0 }));
    for (let i = 0; i < 60; i++) {
      const runs = Array.from({ length: 1 + Math.floor(random.next() * 4) }, (): [number, string] => {
        const source = sources[Math.floor(random.next() * 4)]!;
        const audience = [ALL, except(source), only(source)][Math.floor(random.next() * 3)]!;
        return [audience, String.fromCharCode(97 + (i % 26)).repeat(1 + Math.floor(random.next() * 900))];
      });
      append(log, ...runs);
      if (random.next() < 0.2) log.startAt(0);
      for (const reader of readers) {
        for (const [audience, octets] of runs)
          if (audience === ALL || (audience >= 0 ? audience !== reader.source : audience === only(reader.source)))
            reader.expected += octets;
        if (random.next() < 0.4) continue;
        const batch = log.read(reader.cursor, reader.source, 1 + Math.floor(random.next() * 3000));
        reader.found += text(batch);
        reader.messages += batch?.messages ?? 0;
      }
    }
    for (const reader of readers) {
      for (;;) {
        const batch = log.read(reader.cursor, reader.source, 5000);
        if (batch === null && reader.cursor.position === log.total) break;
        reader.found += text(batch);
        reader.messages += batch?.messages ?? 0;
      }
      if (reader.found !== reader.expected || reader.messages !== reader.expected.length)
        t.fail(`seed ${seed}, source ${reader.source}`);
    }
  }
  t.pass("50 seeds");
});

t.test("everything in a group's key changes its text: no two keys are taken for one", async (t) => {
  const others: { [K in keyof GroupKey]: GroupKey[K] } = {
    family: 1,
    peerKind: "external",
    prependAs: [1, 2],
    client: false,
    clusterId: 9,
    fourOctetAs: false,
    addPath: 2,
    extendedNextHop: true,
    maxMessage: 65535,
    longLived: "withhold",
    nextHop: "self",
    self4: null,
    self6: null,
    role: "peer",
    exportPolicy: "other",
    advertisementIntervalSeconds: 5,
  };
  const texts = new Set([keyText(clientKey), keyText({ ...clientKey })]);
  t.equal(texts.size, 1, "equal keys, equal texts");
  for (const [name, value] of Object.entries(others)) {
    const other = keyText({ ...clientKey, [name]: value });
    t.notOk(texts.has(other), name);
    texts.add(other);
  }
  t.equal(Object.keys(others).length, Object.keys(clientKey).length);
});
