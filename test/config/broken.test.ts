import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chdir, cwd } from "node:process";
import fc from "fast-check";
import t from "tap";
import { ConfigErrors } from "../../src/config/errors.ts";
import { loadConfig, parseConfig } from "../../src/config/load.ts";
import { nearest } from "../../src/config/nearest.ts";
import { decodeText, type TextFault } from "../../src/lib/plain-file.ts";
import { minimal, parse, testHost } from "./support.ts";

const folder = "test/config/broken";

function errorsOf(run: () => unknown): ConfigErrors {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigErrors) return error;
    throw error;
  }
  throw new Error("nothing was wrong");
}

t.test("a broken config tells all of its errors at once, each with file, line and column", async (t) => {
  const home = cwd();
  chdir(folder);
  t.teardown(() => chdir(home));
  const files = readdirSync(".").filter((name) => name.endsWith(".yaml"));
  t.ok(files.length >= 10, `${files.length} broken configs`);
  for (const file of files) {
    const found = errorsOf(() => loadConfig(file, testHost()))
      .errors.map((error) => `${error.toLine()}\n`)
      .join("");
    t.equal(found, readFileSync(file.replace(".yaml", ".expected"), "utf8"), file);
  }
});

t.test("an error as a sentence has the place behind it", async (t) => {
  const text = `${minimal}neighbors:\n  - {address: 192.0.2.1, remote-as: internal, timers: {hold-time: 2}}\n`;
  t.equal(
    errorsOf(() => parseConfig(text, "bgp.yaml", testHost())).message,
    'Cannot use hold-time of neighbor "192.0.2.1": must be 0 or at least 3 seconds, found 2 (bgp.yaml:3:67)',
  );
});

t.test("a file that can't be read is one error with a reason", async (t) => {
  const lines = (file: string) => errorsOf(() => loadConfig(file, testHost())).errors.map((error) => error.toLine());
  t.same(lines("no/such.yaml"), ["no/such.yaml:1:1: Cannot read the config file: there is no such file"]);
  t.same(lines(folder), [`${folder}:1:1: Cannot read the config file: it is a directory`]);
});

t.test("what is no text is refused with its place", async (t) => {
  const place = (bytes: number[]) => {
    try {
      return decodeText(Uint8Array.from(bytes));
    } catch (error) {
      const { line, column, message } = error as TextFault;
      return `${line}:${column} ${message}`;
    }
  };
  t.equal(place([0x61, 10, 0xc3, 0xa4, 10]), "a\nä\n");
  t.equal(place([0x61, 10, 0x62, 0xe9, 0x62, 10, 0x63]), "2:2 it isn't UTF-8 text");
  t.equal(place([0x61, 10, 0xc3]), "2:1 it isn't UTF-8 text");
  t.equal(place([0xff, 0xfe]), "1:1 it isn't UTF-8 text");
});

t.test(
  "what is no plain file, or far too large, is refused wherever a file is named, and nobody waits for it",
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "peerage-config-"));
    t.teardown(() => rmSync(directory, { recursive: true }));
    const at = (name: string) => join(directory, name);
    execFileSync("mkfifo", [at("pipe")]);
    writeFileSync(at("large"), "");
    truncateSync(at("large"), 16 * 2 ** 20 + 1);
    const lines = (file: string) => errorsOf(() => loadConfig(file)).errors.map((error) => error.toLine());
    for (const [name, reason] of [
      ["pipe", "it is a pipe, not a file"],
      [".", "it is a directory, not a file"],
      ["large", "it is larger than 16 MiB"],
      ["/dev/zero", "it is a device, not a file"],
    ] as const) {
      const file = name.startsWith("/") ? name : at(name);
      t.same(lines(file), [`${file}:1:1: Cannot read the config file: ${reason}`]);
      writeFileSync(
        at("config.yaml"),
        `router: {as: 65001, address: 10.0.0.1}
topology: {mode: mesh, inventory: {file: ${name}}}
neighbors: [{address: 10.0.0.2, remote-as: internal, password: {file: ${name}}}]
`,
      );
      t.same(lines(at("config.yaml")), [
        `${at("config.yaml")}:2:42: Cannot use topology.inventory.file: ${file} can't be read (${reason})`,
        `${at("config.yaml")}:3:71: Cannot use password of neighbor "10.0.0.2": the file ${file} can't be read (${reason})`,
      ]);
    }
  },
);

t.test("a pipe that a shell hands in by <(...) is read", async (t) => {
  const program = "dist/src/main.js";
  const output = execFileSync("bash", ["-c", `"${process.execPath}" ${program} check <(cat config/node.yaml)`]);
  t.match(output.toString(), /: valid, AS 65001/);
});

t.test("a file of another kind is told by its keys, with the command that takes it", async (t) => {
  const lines = (text: string) =>
    errorsOf(() => parseConfig(text, "x.yaml", testHost())).errors.map((error) => error.toLine());
  t.same(lines("# ours\nnodes: [{name: a}]\n"), [
    "x.yaml:2:1: This looks like an inventory of nodes: a daemon's config names it under topology.inventory, as {file: PATH}, and `peerage check` of that config checks both",
  ]);
  t.same(lines("racks: []\n"), ["x.yaml:1:1: This looks like the topology of a lab: `peerage lab` takes it"]);
  t.match(
    lines("nodes: []\nneighbors: []\n"),
    [/Unknown key "nodes"/, /Missing router.as/],
    "a config it is with one of its keys",
  );
  const config =
    "router: {as: 65001, address: 10.0.0.1}\ntopology: {mode: mesh, inventory: {file: config/mesh.yaml}}\n";
  t.match(
    errorsOf(() => parseConfig(config, "x.yaml", testHost())).message,
    /^This looks like a daemon's config: .*\(config\/mesh\.yaml:\d+:1\)$/,
  );
});

t.test("YAML that nobody can follow is told in our words", async (t) => {
  const lines = (text: string) =>
    errorsOf(() => parseConfig(text, "bgp.yaml", testHost())).errors.map((error) => error.toLine());
  t.same(lines(`${minimal}---\nrouter: {as: 2}\n`), [
    "bgp.yaml:2:1: Cannot read this as YAML: a second document begins here, and a file has just one",
  ]);
  t.same(lines("router: {as: *mine}\n"), ["bgp.yaml:1:14: Nothing before this is called &mine"]);
  t.match(lines(`router: ${"[".repeat(20_000)}${"]".repeat(20_000)}\n`)[0], /nested too deeply$/);
});

t.test("a password that stands in the config is in no message, whatever else is wrong with it", async (t) => {
  for (const value of [
    "hunter2",
    "[hunter2]",
    "{hunter2: x}",
    "{file: [hunter2]}",
    "{env: {hunter2: 1}}",
    "12345",
    "{value: hunter2}",
  ]) {
    const error = errorsOf(() =>
      parse(`${minimal}neighbors:\n  - {address: 192.0.2.1, remote-as: internal, password: ${value}}\n`),
    );
    t.notMatch(error.message, /hunter2|12345/, value);
  }
});

t.test("an alias that holds itself, or a bomb of aliases, is an error", async (t) => {
  t.match(errorsOf(() => parse("router: &a {as: *a}\n")).message, /nested too deeply, or holds itself/);
  const bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 8; i++) bomb.push(`a${i}: &a${i} [${new Array(10).fill(`*a${i - 1}`).join(", ")}]`);
  t.match(errorsOf(() => parse(`${minimal}${bomb.join("\n")}\n`)).message, /nested too deeply, or holds itself/);
});

t.test("names of JavaScript's own are names like others, and never found by accident", async (t) => {
  const text = `${minimal}neighbors:\n  - {address: 192.0.2.1, remote-as: internal, import-policy: constructor, peer-group: toString}\n`;
  const found = errorsOf(() => parse(text)).errors.map((error) => error.message);
  t.equal(found.length, 2);
  t.match(found.join("\n"), /Unknown policy "constructor"/);
  t.match(found.join("\n"), /Unknown peer group "toString"/);
  t.match(errorsOf(() => parse(`${minimal}__proto__: {x: 1}\n`)).message, /must not be called __proto__/);
  t.match(
    errorsOf(() => parse(`${minimal}peer-groups: {__proto__: {passive: true}}\n`)).message,
    /must not be called __proto__/,
  );
});

t.test("any text at all is a config or a list of errors, never a crash", async () => {
  const word = fc.constantFrom(
    ..."router: as: neighbors: address: 192.0.2.1 policies: then: accept {set: [ ] } { - : 1.5 null ~ true *a &a 'x | > # ? !!int !x policies prefix-lists: topology: inventory: originate: tunnels: kind: vxlan password: file:".split(
      " ",
    ),
    "\n",
    "\n  ",
    "\n    - ",
    " ",
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), (words) => {
      try {
        parse(words.join(""));
      } catch (error) {
        if (!(error instanceof ConfigErrors)) throw error;
        for (const { place } of error.errors) if (!(place.line >= 1 && place.column >= 1)) throw new Error("no place");
      }
    }),
    { numRuns: 2000, seed: 7 },
  );
});

t.test("cutting a good config anywhere, or changing one character, never crashes the reader", async (t) => {
  const good = readFileSync("config/rack-border.yaml", "utf8");
  const attempt = (text: string) => {
    try {
      parse(text);
    } catch (error) {
      if (!(error instanceof ConfigErrors)) t.fail(`${error}`, { text });
    }
  };
  for (let at = 0; at < good.length; at += 13) {
    attempt(good.slice(0, at));
    attempt(`${good.slice(0, at)}${"]}:-*\t"[at % 6]}${good.slice(at + 1)}`);
  }
});

t.test("the nearest word survives another spelling, a slip and a missing part", async (t) => {
  const known = ["hold-time", "keepalive", "connect-retry", "next-hop-self", "next-hop-unchanged"];
  for (const [word, wanted] of [
    ["holdTime", "hold-time"],
    ["hold_time", "hold-time"],
    ["keepalvie", "keepalive"],
    ["nexthop-self", "next-hop-self"],
    ["connect", "connect-retry"],
  ] as const)
    t.same(nearest(word, known), { word: wanted, close: true }, word);
  t.equal(nearest("zzz", known)?.close, false);
  t.equal(nearest("bfd", ["bmp", "port"])?.close, false, "of three letters two others are another word");
  t.equal(nearest("x".repeat(1_000_000), known), undefined, "nor is anything compared with a whole file");
  t.equal(nearest("zzz", []), undefined);
});

t.test("of very many faults the first are told, then how many more there are", async (t) => {
  const keys = Array.from({ length: 5000 }, (_, i) => `unknown-${i}: 1\n`).join("");
  const { errors } = errorsOf(() =>
    parseConfig(`router: {as: 65001, router-id: 10.0.0.1}\n${keys}`, "x.yaml", testHost()),
  );
  t.equal(errors.length, 201);
  t.match(errors[0]?.toLine(), /^x\.yaml:2:1: Unknown key "unknown-0"/);
  t.match(errors.at(-1)?.message, /^\.\.\. and 4800 faults more$/);
});

t.test("many neighbors may share an alias, as many as could be written out", async (t) => {
  const neighbors = Array.from({ length: 3000 }, (_, i) => {
    const timers = i === 0 ? "&t {hold-time: 30, keepalive: 10, connect-retry: 5}" : "*t";
    return `  - {address: 10.1.${i >> 8}.${i & 255}, remote-as: internal, timers: ${timers}}\n`;
  });
  const config = parseConfig(
    `router: {as: 65001, router-id: 10.0.0.1}\nneighbors:\n${neighbors.join("")}`,
    "x.yaml",
    testHost(),
  );
  t.equal(config.neighbors.length, 3000);
  t.ok(config.neighbors.every(({ timers }) => timers.holdTimeSeconds === 30));
});

t.test("an alias means the last anchor of its name before it", async (t) => {
  const config = parseConfig(
    "router: {as: 65001, router-id: 10.0.0.1}\nneighbors:\n  - {address: 10.0.0.2, remote-as: internal, timers: &t {hold-time: 30}}\n  - {address: 10.0.0.3, remote-as: internal, timers: *t}\n  - {address: 10.0.0.4, remote-as: internal, timers: &t {hold-time: 60}}\n  - {address: 10.0.0.5, remote-as: internal, timers: *t}\n",
    "x.yaml",
    testHost(),
  );
  t.same(
    config.neighbors.map(({ timers }) => timers.holdTimeSeconds),
    [30, 30, 60, 60],
  );
});

t.test("nothing is quoted of a file that is no config", async (t) => {
  for (const text of [
    "hush-hush",
    "hush: hush",
    "root:*:hush:0:99999:7:::\ndaemon:*:hush::\n",
    "hush [hush: {",
    "- hush\n- hush\n",
  ]) {
    const { errors } = errorsOf(() => parseConfig(text, "x.yaml", testHost()));
    t.equal(errors.length, 1, text);
    t.match(errors[0]?.toLine(), /^x\.yaml:1:1: This is no such file: none of its keys is one of router, /);
    t.notMatch(errors[0]?.message, /hush/);
  }
  const nearly = errorsOf(() => parseConfig("ruoter: {as: 65001}", "x.yaml", testHost()));
  t.match(nearly.errors[0]?.message, /did you mean "router"/, "one that has nearly a known key is");
});

t.test("a variable that nobody set is missing, also where JavaScript has something of its name", async (t) => {
  const file = t.testdir({
    "bgp.yaml":
      "router: {as: 65001, router-id: 10.0.0.1}\nneighbors: [{address: 10.0.0.2, remote-as: internal, password: {env: constructor}}]",
  });
  t.match(
    errorsOf(() => loadConfig(`${file}/bgp.yaml`)).errors[0]?.toLine(),
    /bgp\.yaml:2:70: Cannot use password of neighbor "10\.0\.0\.2": the environment has no constructor/,
  );
});
