import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
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
  t.match(told[1], /^Cannot read the journal .*journal: it is a directory/);
  new FileJournal(join(folder, "nowhere/journal"), (sentence) => told.push(sentence)).write("one\n");
  t.match(told[2], /^Cannot write the journal .*: there is no such file/);
  t.end();
});

t.test("what is no file of ours is told and left alone, and nobody waits for it", (t) => {
  const folder = t.testdir({ other: "somebody else's" });
  const told: string[] = [];
  const journalAt = (name: string) => new FileJournal(join(folder, name), (sentence) => told.push(sentence));
  execFileSync("mkfifo", [join(folder, "pipe")]);
  symlinkSync("other", join(folder, "link"));
  writeFileSync(join(folder, "octets"), Uint8Array.of(0xff, 0xfe));
  for (const name of ["pipe", "link", "octets"]) t.equal(journalAt(name).read(), null, name);
  t.match(told, [/it is a pipe, not a file/, /it is a symbolic link/, /it isn't UTF-8 text/]);
  t.end();
});

t.test("a link where the new journal is made is not followed", (t) => {
  const folder = t.testdir({ other: "somebody else's" });
  const path = join(folder, "journal");
  symlinkSync("other", `${path}.new`);
  const journal = new FileJournal(path, (sentence) => t.fail(sentence));
  journal.write("one\n");
  t.equal(journal.read(), "one\n");
  t.equal(readFileSync(join(folder, "other"), "utf8"), "somebody else's");
  t.same(readdirSync(folder).sort(), ["journal", "other"]);
  t.end();
});
