import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import t, { type Test } from "tap";
import { routeTable } from "../src/api/routes.ts";
import { unservedKeys } from "../src/config/unserved.ts";
import type { SpeakerControl, SpeakerView } from "../src/view/view-port.ts";

/**
 * What the documents say about the code, held against it: names of files, links, RFCs, decisions, keys, paths. A page that speaks of
 * a file that is gone is worse than none.
 */
const folders = ["src", "test", "testbed", "trials", "bench", "scripts", "config", "docs"];
const roots = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"];

/** Every file of the checkout, with "/" between its parts; folders end with one. */
const entries = readdirSync(".", { withFileTypes: true })
  .filter((entry) => folders.includes(entry.name) || entry.isFile())
  .flatMap((entry) => [entry.isDirectory() ? `${entry.name}/` : entry.name, ...below(entry)]);

function below(entry: { readonly name: string; isDirectory(): boolean }, above = ""): string[] {
  if (!entry.isDirectory()) return [];
  const folder = `${above}${entry.name}/`;
  return readdirSync(folder, { withFileTypes: true }).flatMap((inner) => [
    `${folder}${inner.name}${inner.isDirectory() ? "/" : ""}`,
    ...below(inner, folder),
  ]);
}

const known = new Set(entries);
const pages = entries.filter((file) => file.endsWith(".md"));
const sources = entries.filter((file) => /\.(ts|mjs)$/.test(file));
const read = (file: string): string => readFileSync(file, "utf8");

/** A name with room for something in it: `NAME`, `ROOM`, `NN-name`, `<room>`, `*`. */
const isPattern = (name: string): boolean => /\*|<\w+>|(?<![a-zA-Z])(NAME|ROOM|NN)(?![a-zA-Z])/.test(name);
const patternOf = (name: string): RegExp =>
  new RegExp(`(^|/)${name.replace(/[.+()]/g, "\\$&").replace(/\*|<\w+>|NN-name|NAME|ROOM/g, "[^/]+")}$`);

/** Whether a file or a folder of that name is there, compiled ones by their source; a name of few parts may be the end of one. */
function exists(name: string, partly = false): boolean {
  const source = name.replace(/^dist\/(.*)\.js$/, "$1.ts");
  if (isPattern(source)) return entries.some((entry) => patternOf(source).test(entry));
  if (known.has(source) || known.has(`${source}/`)) return true;
  return partly && entries.some((entry) => entry.endsWith(`/${source}`));
}

const paths = new RegExp(`(?<![\\w./-])(?:${[...folders, "dist"].join("|")})/[\\w./*<>-]*[\\w/*>]`, "g");

t.test("each file that a page names is there", async (t) => {
  for (const page of pages)
    for (const [i, line] of read(page).split("\n").entries()) {
      for (const [name] of line.matchAll(paths)) if (!exists(name)) t.fail(`${page}:${i + 1}: there is no ${name}`);
      for (const [, name] of line.matchAll(/`([\w/-]+\.(?:ts|mjs|sh))`/g))
        if (!exists(name!, true)) t.fail(`${page}:${i + 1}: no file is called ${name}`);
    }
  t.ok(pages.length > 30, `${pages.length} pages`);
});

t.test("each file that a comment names is there", async (t) => {
  for (const file of sources)
    for (const [i, line] of read(file).split("\n").entries()) {
      const comment = /^\s*(\/\*\*|\*)|(^|\s)\/\/ /.exec(line);
      if (comment === null) continue;
      for (const [, name] of line.slice(comment.index).matchAll(/(?<![\w./-])([\w/-]+\.(?:ts|mjs|md))\b/g))
        if (!exists(name!, true)) t.fail(`${file}:${i + 1}: no file is called ${name}`);
    }
  t.ok(sources.length > 300, `${sources.length} sources`);
});

/** Text without what stands in code. */
const prose = (text: string): string => text.replace(/^```.*?^```/gms, "").replace(/`[^`\n]*`/g, "``");

/** Links of a page, pictures too, as (target, line). */
const linksOf = (page: string): string[] => [...prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, to]) => to!);

/** Anchors as the usual viewers make them: small letters, no punctuation, a hyphen for each blank. */
const anchorsOf = (page: string): Set<string> => {
  const anchors = new Set<string>();
  for (const [, title] of read(page).matchAll(/^#+ (.*)$/gm)) {
    const anchor = title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-");
    for (let n = 0; ; n++) {
      const name = n === 0 ? anchor : `${anchor}-${n}`;
      if (anchors.has(name)) continue;
      anchors.add(name);
      break;
    }
  }
  return anchors;
};

const isOutside = (link: string): boolean => /^[a-z]+:/.test(link);
const targetOf = (page: string, link: string): string => {
  const [path = ""] = link.split("#");
  return path === "" ? page : normalize(join(dirname(page), path)).replace(/\/$/, "");
};

t.test("each link leads to a page that is there, and to a heading that it has", async (t) => {
  let links = 0;
  for (const page of pages)
    for (const link of linksOf(page).filter((each) => !isOutside(each))) {
      links++;
      const target = targetOf(page, link);
      if (!exists(target)) t.fail(`${page}: ${link} leads nowhere`);
      const [, anchor] = link.split("#");
      if (anchor !== undefined && !anchorsOf(target).has(anchor)) t.fail(`${page}: ${link}: no such heading`);
    }
  t.ok(links > 100, `${links} links`);
});

t.test("each page can be reached from the README by links", async (t) => {
  const reached = new Set<string>();
  const visit = (page: string) => {
    if (reached.has(page) || !known.has(page)) return;
    reached.add(page);
    if (!page.endsWith(".md")) return;
    for (const link of linksOf(page)) if (!isOutside(link)) visit(targetOf(page, link));
  };
  visit("README.md");
  t.same(
    pages.filter((page) => !reached.has(page)),
    [],
  );
  for (const page of roots) t.ok(known.has(page), page);
});

// RFCs ---------------------------------------------------------------------------------------------------------------

interface Rule {
  readonly line: number;
  readonly rfcs: readonly string[];
  readonly files: readonly string[];
}

/** The rows of docs/rfcs.md: below a heading "RFC 4271, ..." all are that one's, else the first cell says whose. */
function rules(): Rule[] {
  let heading: string | undefined;
  return read("docs/rfcs.md")
    .split("\n")
    .flatMap((line, i) => {
      if (line.startsWith("## ")) heading = /^## RFC (\d+)/.exec(line)?.[1];
      const cells = line.split("|").slice(1, -1);
      if (cells.length < 3 || !/\d|§/.test(cells[0]!)) return [];
      const rfcs = heading === undefined ? (cells[0]!.match(/\d{3,4}/g) ?? []) : [heading];
      const files = [...cells.at(-1)!.matchAll(/`(src\/[\w/-]+\.ts)`/g)].map(([, file]) => file!);
      return [{ line: i + 1, rfcs, files }];
    });
}

t.test("each RFC that the sources cite is a row of docs/rfcs.md", async (t) => {
  const rows = new Set(rules().flatMap(({ rfcs }) => rfcs));
  const missing = new Map<string, string>();
  // "RFC 4271 §5", and lists: "RFC 1997, 7999 and 9494".
  for (const file of sources.filter((each) => each.startsWith("src/")))
    for (const [list] of read(file).matchAll(/RFCs? \d{3,4}(?:(?: §[\d.]+)?(?:,| and|, and) \d{3,4}(?![\d.]))*/g))
      for (const [rfc] of list.matchAll(/\d{3,4}/g)) if (!rows.has(rfc)) missing.set(rfc, file);
  t.same([...missing], []);
});

t.test("where a row says a rule lives, the RFC is cited", async (t) => {
  const all = rules();
  for (const { line, rfcs, files } of all) {
    const texts = files.filter((file) => known.has(file)).map(read);
    for (const rfc of rfcs)
      if (texts.length > 0 && !texts.some((text) => new RegExp(`\\b${rfc}\\b`).test(text)))
        t.fail(`docs/rfcs.md:${line}: RFC ${rfc} is cited in none of ${files.join(", ")}`);
  }
  t.ok(all.length > 100, `${all.length} rows`);
});

// Decisions ----------------------------------------------------------------------------------------------------------

t.test("decisions are numbered once, without a gap, and listed with their titles", async (t) => {
  const files = entries.filter((file) => /^docs\/decisions\/\d/.test(file)).sort();
  const index = read("docs/decisions/README.md");
  for (const [i, file] of files.entries()) {
    const number = String(i).padStart(4, "0");
    t.ok(file.startsWith(`docs/decisions/${number}-`), `${file} has the number ${number}`);
    if (number === "0000") continue; // the template
    const title = /^# (\d{4}): (.*)$/m.exec(read(file));
    t.equal(title?.[1], number, `the heading of ${file}`);
    const name = file.slice("docs/decisions/".length);
    const row = `| ${number} | [${title?.[2]?.replaceAll("|", "\\|")}](${name}) |`;
    t.ok(index.includes(row), `the index has ${row}`);
  }
});

// Names that others rely on ------------------------------------------------------------------------------------------

t.test("a key that does nothing yet says so in the reference", async (t) => {
  const page = read("docs/configuration.md");
  const saying = [...page.matchAll(/^### (\S+)$|^\| `([\w.-]+)` \|.*\*\*Does nothing yet\.\*\* \|$/gm)];
  let section = "";
  const said: string[] = [];
  for (const [, heading, key] of saying) {
    if (heading !== undefined) section = heading;
    else said.push(`${section}.${key}`);
  }
  for (const key of unservedKeys) t.ok(said.includes(key), key);
  for (const key of said)
    t.ok(
      unservedKeys.some((each) => key === each || key.startsWith(`${each}.`)),
      `${key} is known to do nothing`,
    );
});

t.test("docs/control-socket.md names each path with its method, and types that there are", async (t) => {
  const page = read("docs/control-socket.md");
  const documented = new Set<string>();
  for (const [, method, paths] of page.matchAll(/^\| (GET|POST) \| (.*?) \|/gm))
    for (const [, word] of paths!.matchAll(/`\/(\w+)/g)) documented.add(`${method} ${word}`);
  const served = Object.entries(routeTable({} as SpeakerView, {} as SpeakerControl));
  t.same([...documented].sort(), served.map(([word, { method }]) => `${method} ${word}`).sort());
  const model = read("src/view/model.ts");
  const types = [...page.matchAll(/[`: ]([A-Z][a-z]\w+?)(?:\[\]\}?)?[`}]/g)].map(([, name]) => name!);
  t.ok(types.length >= served.length - 3, `${types.length} types`);
  for (const type of types) t.match(model, new RegExp(`export interface ${type}\\b`), type);
});

t.test(
  "docs/architecture.md says of each room where to start reading: at a file that opens with an essay",
  async (t) => {
    const rows = [...read("docs/architecture.md").matchAll(/^\| (`[\w-]+`) \|.*\| (.*) \|$/gm)];
    const rooms = new Map<string, string>();
    for (const [, names, files] of rows) {
      const starts = [...files!.matchAll(/`([\w/.-]+)`/g)].map(([, file]) => file!);
      for (const [i, [, room]] of [...names!.matchAll(/`([\w-]+)`/g)].entries()) rooms.set(room!, starts[i] ?? "");
    }
    const folders = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
    t.same([...rooms.keys()].sort(), folders.map(({ name }) => name).sort());
    for (const [room, start] of rooms) hasEssay(t, `src/${room}/${start}`);
  },
);

/** A doc-comment of some lines, near the top. */
function hasEssay(t: Test, file: string): void {
  t.ok(known.has(file) && /\/\*\*\n(?: \*.*\n){3,}/.test(read(file)), `${file} has an essay`);
}

t.test("each npm script that a page names is there", async (t) => {
  const scripts = Object.keys((JSON.parse(read("package.json")) as { scripts: object }).scripts);
  for (const page of pages)
    for (const [, name] of read(page).matchAll(/npm run ([a-z]+)/g))
      if (!scripts.includes(name!)) t.fail(`${page}: ${name}`);
});

t.test("the newest version of the changelog is the one that package.json names", async (t) => {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  t.equal(/^## (\d+\.\d+\.\d+)/m.exec(read("CHANGELOG.md"))?.[1], version);
});
