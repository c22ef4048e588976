import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { ConfigErrors } from "../../src/config/errors.ts";
import { loadConfig } from "../../src/config/load.ts";
import { Assembly, inPieces } from "../../src/config/pieces.ts";
import { readConfig } from "../../src/config/reader.ts";
import { LoadedSecret } from "../../src/config/secret.ts";

/** As the structured clone of a message would hand it over. */
function sent(whole: unknown, most: number): { whole: unknown; largest: number } {
  const assembly = new Assembly();
  let largest = 0;
  for (const piece of inPieces(whole, most)) {
    largest = Math.max(largest, valuesIn(piece.items?.map(([, value]) => value) ?? piece.value) - 1);
    assembly.add(structuredClone(piece));
  }
  return { whole: assembly.whole, largest };
}

const valuesIn = (value: unknown): number => {
  if (typeof value !== "object" || value === null) return 1;
  const inner = value instanceof Map ? [...value.values()] : Object.values(value);
  return 1 + inner.reduce((sum: number, each) => sum + valuesIn(each), 0);
};

t.test("whatever is sent in pieces comes out as it was, and no piece is larger than the bound", async (t) => {
  const { tree } = fc.letrec((tie) => ({
    leaf: fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null)),
    tree: fc.oneof(
      { depthSize: "medium" },
      tie("leaf"),
      fc.array(tie("tree"), { maxLength: 8 }),
      fc.dictionary(fc.string(), tie("tree"), { maxKeys: 8 }),
    ),
  }));
  fc.assert(
    fc.property(tree, fc.integer({ min: 4, max: 30 }), (whole, most) => {
      const out = sent(whole, most);
      t.equal(out.largest <= most + 1, true);
      return JSON.stringify(out.whole) === JSON.stringify(whole);
    }),
    { numRuns: 300 },
  );
});

t.test("a secret stays one, and names that people chose are found by nobody's accident", async (t) => {
  const names = Object.assign(Object.create(null), { constructor: 1 });
  const { whole } = sent({ names, other: [new LoadedSecret({ file: "key" }, "hush")] }, 3);
  const { names: back, other } = whole as { names: object; other: LoadedSecret[] };
  t.equal(Object.getPrototypeOf(back), null);
  t.same(Object.keys(back), ["constructor"]);
  t.equal(other[0]!.reveal(), "hush");
  t.equal(JSON.stringify(other), '[{"file":"key"}]');
});

t.test("the reader in its worker says what reading it here says, warnings and secrets included", async (t) => {
  for (const file of ["test/config/every-key.yaml", "config/mesh.yaml", "config/node.yaml"]) {
    const [there, here] = [await settled(() => readConfig({ file })), await settled(async () => loadConfig(file))];
    t.same(there, here, file);
  }
});

t.test("what is wrong keeps its place on the way out of the worker", async (t) => {
  const file = "test/config/broken/03-as-numbers.yaml";
  const lines = (error: unknown) => (error as ConfigErrors).errors.map((each) => each.toLine());
  const there = await readConfig({ file }).then(t.fail, (error) => error);
  t.ok(there instanceof ConfigErrors);
  t.same(lines(there), lines(await settled(async () => loadConfig(file))));
});

t.test("texts that are handed over are read instead of the disk's, and nothing else is", async (t) => {
  const file = "/nowhere/bgp.yaml";
  const text =
    "router: {as: 65001, router-id: 10.0.0.1}\nneighbors: [{address: 10.0.0.2, remote-as: internal, password: {file: KEY}}]";
  const send = (sent: unknown) => settled(() => readConfig({ sent: Buffer.from(JSON.stringify(sent)) }));
  const read = (key: string, texts: Record<string, string>, unreadable = {}) =>
    send({ file, texts: { [file]: text.replace("KEY", key), ...texts }, unreadable });
  t.match(await read("key", { "/nowhere/key": "hush\n" }), { neighbors: [{ password: { file: "key" } }] });
  t.match((await read("/etc/passwd", {})) as Error, /\/etc\/passwd can't be read \(it was not sent along\)/);
  t.match(
    (await read("key", {}, { "/nowhere/key": "permission denied" })) as Error,
    /can't be read \(permission denied\)/,
  );
  t.match((await send({ file: "bgp.yaml", texts: {} })) as Error, /must be an absolute path/);
  t.match((await send({ file, texts: { [file]: 1 } })) as Error, /texts by path/);
  t.match((await send([])) as Error, /must be an absolute path/);
});

t.test("reading can be stopped", async (t) => {
  const folder = t.testdir();
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "bgp.yaml");
  writeFileSync(file, `router: {as: 65001, router-id: 10.0.0.1}\n${"#\n".repeat(100_000)}`);
  await t.rejects(
    readConfig({ file }, (stop) => stop()),
    /was stopped/,
  );
});

const settled = async (work: () => Promise<unknown>): Promise<unknown> => {
  try {
    return JSON.parse(JSON.stringify(await work()));
  } catch (error) {
    return error;
  }
};
