import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { catalogue } from "./catalogue/index.ts";
import { drivers } from "./drivers/index.ts";
import { faults } from "./faults/index.ts";
import { fuzz } from "./fuzz.ts";
import { cell, chapters, costs, summary, table, totals } from "./report.ts";
import { obstacle, runCatalogue } from "./run.ts";

const usage = `npm run hostile [-- DAEMON ...] [--only WORD] [--short] [--all] [--json FILE] [--page FILE] [--list]: hostile cases by daemon, as root
npm run hostile -- --faults [NUMBER ...]: the scripted faults, against Peerage
npm run hostile -- --fuzz SEED [--messages N]: whole sessions of mutated messages, against Peerage`;

/**
 * The exit code is about Peerage: 1 if it died, if another session was touched, or below 97 % to the letter.
 */
const words = process.argv.slice(2);
const flag = (name: string): boolean => words.includes(name);
const option = (name: string): string | null =>
  words.includes(name) ? (words[words.indexOf(name) + 1] ?? null) : null;
const options = ["--only", "--short", "--all", "--json", "--page", "--list", "--faults", "--fuzz", "--messages"];
if (words.some((word) => word.startsWith("--") && !options.includes(word))) {
  console.log(usage);
  process.exit(flag("--help") ? 0 : 2);
}
const only = option("--only");
const file = option("--json");
const page = option("--page");
const pageHead = `# Every hostile case, by daemon

Written by \`npm run hostile -- --page docs/hostile-cases.md\`; what it means, and the sums: [reliability.md](reliability.md). "ok": to the letter
of the RFC, or as it allows ("verdict" has both; words as in \`trials/hostile/case.ts\`). "-": the daemon doesn't offer the capability.
Else what it did instead: \`reset 3/5 ...\` is a NOTIFICATION with its data.`;
const names = words.filter(
  (word, i) => !word.startsWith("--") && !["--only", "--json", "--page"].includes(words[i - 1] ?? ""),
);

if (flag("--faults")) {
  const reason = obstacle([]);
  if (reason !== null) fail(`Cannot run here: ${reason}.`);
  for (const fault of faults.filter(({ number }) => names.length === 0 || names.includes(`${number}`))) {
    const findings = await fault.run();
    for (const { ok, measured, cost } of findings)
      console.log(
        `| ${fault.number} | ${fault.fault} | ${fault.target} | ${measured} | ${ok ? "met" : "NOT MET"} | ${cost ?? ""} |`,
      );
    if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
  }
  process.exit();
}

if (flag("--fuzz")) {
  const reason = obstacle([]);
  if (reason !== null) fail(`Cannot run here: ${reason}.`);
  const findings = await fuzz(Number(option("--fuzz") ?? 1), Number(option("--messages") ?? 100_000));
  for (const { ok, measured } of findings) console.log(`${ok ? "met" : "NOT MET"}: ${measured}`);
  process.exit(findings.every(({ ok }) => ok) ? 0 : 1);
}

const unknown = names.filter((name) => !drivers.some((driver) => driver.name.toLowerCase() === name.toLowerCase()));
if (unknown.length > 0)
  fail(`No daemon is called ${unknown.join(", ")}: ${drivers.map(({ name }) => name).join(", ")}.`);
const chosen = drivers.filter(
  ({ name }) => names.length === 0 || names.some((word) => word.toLowerCase() === name.toLowerCase()),
);
const cases = catalogue.filter(
  (hostile) =>
    (!flag("--short") || hostile.short) && (only === null || `${hostile.group} ${hostile.id}`.includes(only)),
);

if (flag("--list")) {
  for (const { group, id, from, title, rfc, expect } of cases)
    console.log(`${group} ${id} (${from}): ${title}; RFC ${rfc}: ${expect.join(" or ")}`);
  console.log(`${cases.length} cases`);
} else {
  const reason = obstacle(chosen);
  if (reason !== null) fail(`Cannot run here: ${reason}.`);
  const columns = await runCatalogue(chosen, cases, (name, row) => {
    if (row.mark === "letter" || row.mark === "n/a") return;
    const { hostile, outcome } = row;
    const others = [...outcome.touched, ...(outcome.lostRoutes > 0 ? [`${outcome.lostRoutes} routes lost`] : [])];
    console.log(
      `${name}: ${hostile.group} ${hostile.id}: ${cell(row)}, wanted ${hostile.expect.join(" or ")}${others.length > 0 ? `; ${others.join(", ")}` : ""}${outcome.lastWords === "" ? "" : `; ${outcome.lastWords}`}`,
    );
  });
  console.log(
    `\n${table(columns, flag("--all"))}\n\n${chapters(columns)}\n\n${costs(columns)}\n\n${summary(columns)}\n`,
  );
  console.log(
    `${cases.length} cases, ${new Date().toISOString().slice(0, 10)}, ${cpus().length} x ${cpus()[0]?.model}; seconds: ${columns.map(({ name, seconds, starts }) => `${name} ${seconds.toFixed(0)} (${starts} starts)`).join(", ")}`,
  );
  if (file !== null)
    writeFileSync(
      file,
      JSON.stringify(
        columns.map((column) => ({ ...column, totals: totals(column) })),
        withoutMaps,
      ),
    );
  if (page !== null) writeFileSync(page, `${pageHead}\n\n${table(columns, true)}\n`);
  const ours = columns.find(({ name }) => name === "Peerage");
  if (ours !== undefined) {
    const { deaths, touched, percent } = totals(ours);
    if (deaths > 0 || touched > 0 || percent < 97) process.exitCode = 1;
  }
}

function withoutMaps(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}

function fail(text: string): never {
  console.error(text);
  process.exit(2);
}
