import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { chosen, orUsage, whole } from "../../testbed/command-line.ts";
import { obstacle, type Tool } from "../../testbed/obstacle.ts";
import { catalogue } from "./catalogue/index.ts";
import { drivers } from "./drivers/index.ts";
import { faults } from "./faults/index.ts";
import { fuzz } from "./fuzz.ts";
import { cell, chapters, costs, summary, table, totals } from "./report.ts";
import { runCatalogue } from "./run.ts";

const usage = `npm run hostile [-- DAEMON ...] [--only WORD] [--short] [--all] [--json FILE] [--page FILE] [--list]: hostile cases by daemon, as root
npm run hostile -- --faults [NUMBER ...]: the scripted faults, against Peerage
npm run hostile -- --fuzz SEED [--messages N]: whole sessions of mutated messages, against Peerage`;

/**
 * The exit code is about Peerage: 1 if it died, if another session was touched, or below 97 % to the letter.
 */
const { values, daemons, numbers, seed, messages } = orUsage(usage, () => {
  const flag = { type: "boolean", default: false } as const;
  const word = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: word,
      short: flag,
      all: flag,
      json: word,
      page: word,
      list: flag,
      faults: flag,
      fuzz: word,
      messages: { type: "string", default: "100000" },
    },
  });
  return {
    values,
    daemons: values.faults ? [] : chosen("daemon", drivers, positionals),
    numbers: values.faults ? positionals.map((text) => whole("--faults", text)) : [],
    seed: values.fuzz === undefined ? null : whole("--fuzz", values.fuzz),
    messages: whole("--messages", values.messages),
  };
});
const pageHead = `# Every hostile case, by daemon

Written by \`npm run hostile -- --page docs/hostile-cases.md\`; what it means, and the sums: [reliability.md](reliability.md). "ok": to the letter
of the RFC, or as it allows ("verdict" has both; words as in \`trials/hostile/case.ts\`). "-": the daemon doesn't offer the capability.
Else what it did instead: \`reset 3/5 ...\` is a NOTIFICATION with its data.`;

/** Ends the program where a trial can't run. */
function need(tools: readonly Tool[]): void {
  const reason = obstacle(tools);
  if (reason === null) return;
  console.error(`Cannot run here: ${reason}.`);
  process.exit(2);
}

if (values.faults) {
  need([]);
  for (const fault of faults.filter(({ number }) => numbers.length === 0 || numbers.includes(number))) {
    const findings = await fault.run();
    for (const { ok, measured, cost } of findings)
      console.log(
        `| ${fault.number} | ${fault.fault} | ${fault.target} | ${measured} | ${ok ? "met" : "NOT MET"} | ${cost ?? ""} |`,
      );
    if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
  }
  process.exit();
}

if (seed !== null) {
  need([]);
  const findings = await fuzz(seed, messages);
  for (const { ok, measured } of findings) console.log(`${ok ? "met" : "NOT MET"}: ${measured}`);
  process.exit(findings.every(({ ok }) => ok) ? 0 : 1);
}

const cases = catalogue.filter(
  ({ short, group, id }) =>
    (!values.short || short) && (values.only === undefined || `${group} ${id}`.includes(values.only)),
);

if (values.list) {
  for (const { group, id, from, title, rfc, expect } of cases)
    console.log(`${group} ${id} (${from}): ${title}; RFC ${rfc}: ${expect.join(" or ")}`);
  console.log(`${cases.length} cases`);
} else {
  need(daemons.flatMap(({ needs }) => needs));
  const columns = await runCatalogue(daemons, cases, (name, row) => {
    if (row.mark === "letter" || row.mark === "n/a") return;
    const { hostile, outcome } = row;
    const others = [...outcome.touched, ...(outcome.lostRoutes > 0 ? [`${outcome.lostRoutes} routes lost`] : [])];
    console.log(
      `${name}: ${hostile.group} ${hostile.id}: ${cell(row)}, wanted ${hostile.expect.join(" or ")}${others.length > 0 ? `; ${others.join(", ")}` : ""}${outcome.lastWords === "" ? "" : `; ${outcome.lastWords}`}`,
    );
  });
  console.log(`\n${table(columns, values.all)}\n\n${chapters(columns)}\n\n${costs(columns)}\n\n${summary(columns)}\n`);
  console.log(
    `${cases.length} cases, ${new Date().toISOString().slice(0, 10)}, ${cpus().length} x ${cpus()[0]?.model}; seconds: ${columns.map(({ name, seconds, starts }) => `${name} ${seconds.toFixed(0)} (${starts} starts)`).join(", ")}`,
  );
  if (values.json !== undefined)
    writeFileSync(
      values.json,
      JSON.stringify(
        columns.map((column) => ({ ...column, totals: totals(column) })),
        withoutMaps,
      ),
    );
  if (values.page !== undefined) writeFileSync(values.page, `${pageHead}\n\n${table(columns, true)}\n`);
  const ours = columns.find(({ name }) => name === "Peerage");
  if (ours !== undefined) {
    const { deaths, touched, percent } = totals(ours);
    if (deaths > 0 || touched > 0 || percent < 97) process.exitCode = 1;
  }
}

function withoutMaps(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}
