import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import t from "tap";
import { escapedJson, escapeText } from "../../src/lib/escape.ts";
import { createLogger } from "../../src/log/log.ts";
import { BoundedSink, type RawWriter } from "../../src/log/sink.ts";
import { writerFor } from "../../src/log/writer.ts";

/** A limit that no machine is slow enough to reach. */
const anHour = 3_600_000;

/** A writer whose answers are given by the test. */
function held() {
  const writes: string[] = [];
  const answers: ((error: Error | null) => void)[] = [];
  const write: RawWriter = (bytes, done) => {
    writes.push(bytes.toString());
    answers.push(done);
  };
  return { write, writes, answer: (error: Error | null = null) => answers.shift()!(error) };
}

const at = Date.parse("2026-11-21T09:03:11.123Z");
const instant: RawWriter = (_, done) => done(null);
const capture = () => {
  const lines: string[] = [];
  const write: RawWriter = (bytes, done) => {
    lines.push(bytes.toString());
    done(null);
  };
  return { lines, write };
};

t.test("a text line has time, level, event, sentence and fields; values with spaces are quoted", async (t) => {
  const { lines, write } = capture();
  const log = createLogger(write, () => at, "text", "info");
  log.event("warn", "session-down", "Session with 10.0.0.2 went down", {
    peer: "10.0.0.2",
    reason: 'hold timer expired "4/0"',
    code: 4,
    clean: false,
    nothing: null,
    empty: "",
  });
  t.same(lines, [
    '2026-11-21T09:03:11.123Z WARN  session-down: Session with 10.0.0.2 went down peer=10.0.0.2 reason="hold timer expired \\"4/0\\"" code=4 clean=false empty=""\n',
  ]);
});

t.test("a JSON line has the same under names, and a field can't hide them", async (t) => {
  const { lines, write } = capture();
  const log = createLogger(write, () => at, "json", "info");
  log.event("info", "session-up", "Session is up", { peer: "10.0.0.2", event: "mine", uptime: 3 });
  t.same(JSON.parse(lines[0]!), {
    time: "2026-11-21T09:03:11.123Z",
    level: "info",
    event: "session-up",
    message: "Session is up",
    peer: "10.0.0.2",
    event_: "mine",
    uptime: 3,
  });
});

t.test("what a peer wrote can't move the cursor, start a line or turn the direction of text", async (t) => {
  const evil = "bye\u001b[2J\r\n2026 INFO forged\u009b31m\u202egnp\ud800\u2028x";
  const { lines, write } = capture();
  const log = createLogger(write, () => at, "text", "info");
  log.event("info", "notification", evil, { text: evil });
  t.match(
    lines[0],
    /bye\\u\{1b\}\[2J\\u\{d\}\\u\{a\}2026 INFO forged\\u\{9b\}31m\\u\{202e\}gnp\\u\{d800\}\\u\{2028\}x/,
  );
  t.equal(lines[0]!.split("\n").length, 2, "one line");
  t.equal(JSON.parse(escapedJson({ evil })).evil, evil, "JSON keeps the value");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  t.notMatch(escapedJson({ evil }), /[\u0000-\u001f\u007f-\u009f\u202e\u2028]/);
  t.equal(escapeText("Grüße an 中央 \u{1f600}"), "Grüße an 中央 \u{1f600}", "what is readable stays");
});

t.test("long text is cut, with the length of what is missing", async (t) => {
  const { lines, write } = capture();
  createLogger(write, () => at, "text", "info").event("info", "long", "x".repeat(60_000));
  t.match(lines[0], /x{2000}\.\.\. \(58000 more\)\n$/);
});

t.test("the level is the least that is written; the line that says ready comes whatever it is", async (t) => {
  const { lines, write } = capture();
  const log = createLogger(write, () => at, "text", "error");
  log.event("warn", "no", "no");
  log.always("ready", "AS 65001");
  log.configure("json", "debug");
  log.event("debug", "yes", "yes");
  t.equal(lines.length, 2);
  t.match(lines[0], / INFO {2}ready: AS 65001\n/);
  t.match(JSON.parse(lines[1]!), { event: "yes" });
});

t.test(
  "while a write is stuck lines queue up to a bound, then they are dropped and counted, and the gap is told",
  async (t) => {
    const { write, writes, answer } = held();
    const sink = new BoundedSink(write, { maxQueued: 100, lost: (count) => `lost ${count}` });
    sink.write("first");
    for (let i = 0; i < 50; i++) sink.write("0123456789-".slice(0, 9));
    t.equal(writes.length, 1, "one write at a time");
    t.equal(sink.dropped, 40, "10 lines of 10 octets fit into 100");
    answer();
    t.equal(writes[1], `lost 40\n${"012345678\n".repeat(10)}`, "the gap comes before what follows it");
    answer();
    sink.write("later");
    t.equal(writes[2], "later\n", "told once");
    t.equal(sink.dropped, 40);
  },
);

t.test("a failing write loses its lines, and the loss is told by the first that succeeds", async (t) => {
  const { write, writes, answer } = held();
  const sink = new BoundedSink(write, { lost: (count) => `lost ${count}` });
  sink.write("a");
  answer(new Error("ENOSPC"));
  sink.write("b");
  t.equal(writes[1], "lost 1\nb\n");
  answer(new Error("ENOSPC"));
  t.equal(sink.dropped, 2, "the report itself is no line");
  sink.write("c");
  t.equal(writes[2], "lost 2\nc\n");
  answer();
  sink.write("d");
  t.equal(writes[3], "d\n");
});

t.test("a million lines into a stuck sink cost a bounded amount of memory", async (t) => {
  const { write } = held();
  const sink = new BoundedSink(write, { lost: (count) => `lost ${count}` });
  for (let i = 0; i < 1_000_000; i++) sink.write("a line of a log that nobody reads");
  t.ok(sink.dropped > 950_000, `${sink.dropped} dropped`);
});

t.test("close waits for what is queued, but not for ever", async (t) => {
  const { write, writes, answer } = held();
  const sink = new BoundedSink(write, { lost: String });
  sink.write("a");
  sink.write("b");
  const closed = sink.close(anHour);
  answer();
  answer();
  await closed;
  t.same(writes, ["a\n", "b\n"]);
  sink.write("c");
  await sink.close(1);
  await new BoundedSink(instant, { lost: String }).close(anHour);
});

t.test("a file gets every line; a full disk costs lines and nothing else", async (t) => {
  const file = join(t.testdir({}), "log");
  const fd = openSync(file, "w");
  t.teardown(() => closeSync(fd));
  const log = createLogger(writerFor(fd), () => at, "text", "info");
  for (let i = 0; i < 3000; i++) log.event("info", "line", `number ${i}`);
  await log.close(anHour);
  t.equal(readFileSync(file, "utf8").trimEnd().split("\n").length, 3000);

  const full = openSync("/dev/full", "w");
  t.teardown(() => closeSync(full));
  const lossy = createLogger(writerFor(full), () => at, "text", "info");
  for (let i = 0; i < 10; i++) lossy.event("info", "line", `number ${i}`);
  await lossy.close(anHour);
  t.equal(lossy.dropped, 10);
});

t.test("a descriptor that isn't open costs lines and nothing else", async (t) => {
  const log = createLogger(writerFor(9999), () => at, "text", "info");
  log.event("info", "line", "into nothing");
  await log.close(anHour);
  t.equal(log.dropped, 1);
});

/** A process that logs to its stdout, and tells on stderr how it went. */
const program = (lines: number) => `
  import { createLogger } from ${JSON.stringify(new URL("../../src/log/log.js", import.meta.url).href)};
  import { writerFor } from ${JSON.stringify(new URL("../../src/log/writer.js", import.meta.url).href)};
  const log = createLogger(writerFor(1), Date.now, "text", "info");
  for (let i = 0; i < ${lines}; i++) log.event("info", "line", "x".repeat(1000));
  setImmediate(() => {
    for (let i = 0; i < 100; i++) log.event("info", "line", "after");
    process.stderr.write(JSON.stringify({ dropped: log.dropped }) + "\\n");
    process.stdin.once("data", async () => {
      log.event("info", "end", "the end");
      await log.close(${anHour});
      process.exit(7);
    });
  });
`;

t.test("a pipe that nobody reads holds nothing up, and flows on when it is read again", async (t) => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program(5000)], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const [report] = (await once(child.stderr, "data")) as [Buffer];
  // Nobody has read a line yet: that it says anything is the proof that it did not wait for us.
  const { dropped } = JSON.parse(report.toString()) as { dropped: number };
  t.ok(dropped > 3000, `${dropped} of 5100 lines dropped`);
  const out = new PassThrough();
  let text = "";
  out.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stdout.pipe(out);
  child.stdin.write("go\n");
  const [code] = await once(child, "close");
  t.equal(code, 7);
  t.match(text, /log-lines-dropped: .*count=\d+\n/);
  t.match(text, /the end\n$/);
});

t.test("a pipe whose reader is gone does not end the process", async (t) => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program(50)], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdout.destroy();
  await once(child.stderr, "data");
  child.stdin.write("go\n");
  const [code, signal] = await once(child, "close");
  t.same([code, signal], [7, null]);
});
