import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import t from "tap";
import { DumpFile, namesFor } from "../../src/dump/dump-file.ts";

const folder = mkdtempSync(join(tmpdir(), "peerage-dump-"));
t.teardown(() => rmSync(folder, { recursive: true }));

const noon = Date.UTC(2026, 2, 1, 12, 0, 7);
const octets = Uint8Array.from({ length: 1000 }, (_, i) => i);

/** Writes a file of that second, whole. */
async function write(compress: boolean): Promise<string> {
  const names = namesFor(folder, "rib", noon, compress);
  const file = new DumpFile(names, `${names[0]}.part`);
  await file.open(compress);
  t.equal(file.write(octets), true);
  await file.drained();
  return file.finish();
}

t.test("a file has .part behind its name until it is whole, and none is written over", async (t) => {
  const names = namesFor(folder, "updates", noon, true);
  const file = new DumpFile(names, `${names[0]}.part`);
  await file.open(true);
  file.write(octets);
  t.same(readdirSync(folder), ["updates.20260301.1200.gz.part"]);
  t.equal(await file.finish(), join(folder, "updates.20260301.1200.gz"));
  t.same(readdirSync(folder), ["updates.20260301.1200.gz"]);
  t.same(new Uint8Array(gunzipSync(readFileSync(join(folder, "updates.20260301.1200.gz")))), octets);
  const written: string[] = [];
  for (let i = 0; i < 3; i++) written.push(await write(false));
  t.same(
    written.map((name) => name.slice(folder.length + 1)),
    ["rib.20260301.1200", "rib.20260301.120007", "rib.20260301.120007-1"],
  );
  for (const name of written) t.same(new Uint8Array(readFileSync(name)), octets);
});

t.test("a file that is discarded leaves nothing, and one that can't be made says why", async (t) => {
  const names = namesFor(join(folder, "deep/er"), "rib", noon, true);
  const file = new DumpFile(names, `${names[0]}.part`);
  await file.open(true);
  file.write(octets);
  await file.discard();
  t.same(readdirSync(join(folder, "deep/er")), []);
  writeFileSync(join(folder, "no-folder"), "");
  const other = new DumpFile(["x"], join(folder, "no-folder/rib.part"));
  await t.rejects(other.open(false), /ENOTDIR|EEXIST/);
  t.equal(other.write(octets), false, "and takes nothing");
});
