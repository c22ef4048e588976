import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { FileJournal } from "../../src/os/file-journal.ts";

t.test("a journal is replaced as a whole, and for its owner only", (t) => {
  const folder = t.testdir();
  const path = join(folder, "journal");
  const journal = new FileJournal(path, (sentence) => t.fail(sentence));
  t.equal(journal.read(), null);
  journal.write("one\n");
  journal.write("two\n");
  t.equal(journal.read(), "two\n");
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.same(readdirSync(folder), ["journal"]);
  t.end();
});

t.test("a write that fails says why and leaves nothing behind", (t) => {
  const folder = t.testdir();
  const path = join(folder, "journal");
  mkdirSync(path); // nothing can take a folder's place
  const told: string[] = [];
  const journal = new FileJournal(path, (sentence) => told.push(sentence));
  journal.write("one\n");
  t.match(told, [/^Cannot write the journal .*journal: /]);
  t.same(readdirSync(folder), ["journal"]);
  t.equal(journal.read(), null);
  new FileJournal(join(folder, "nowhere/journal"), (sentence) => told.push(sentence)).write("one\n");
  t.match(told[1], /ENOENT/);
  t.end();
});
