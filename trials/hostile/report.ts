import type { Mark } from "./judge.ts";
import type { Column, Row } from "./run.ts";

const marks: Readonly<Record<Mark, string>> = {
  letter: "ok",
  wrong: "NO",
  touched: "OTHERS",
  died: "DIED",
  "n/a": "-",
};

/** What was seen, when it is not what the RFC says. */
export function cell({ mark, outcome }: Row): string {
  if (mark === "letter" || mark === "n/a") return marks[mark];
  const seen = outcome.seen.length > 24 ? `${outcome.seen.slice(0, 23)}…` : outcome.seen;
  if (mark === "wrong") return seen;
  return `${marks[mark]} (${seen})`;
}

export interface Totals {
  readonly deaths: number;
  readonly touched: number;
  readonly judged: number;
  readonly letter: number;
  readonly percent: number;
  readonly notApplicable: number;
}

export function totals({ rows }: Column): Totals {
  const count = (mark: Mark) => rows.filter((row) => row.mark === mark).length;
  const judged = rows.length - count("n/a");
  return {
    deaths: count("died"),
    touched: count("touched"),
    judged,
    letter: count("letter"),
    percent: judged === 0 ? 100 : (100 * count("letter")) / judged,
    notApplicable: count("n/a"),
  };
}

/** Cases by daemons, as a Markdown table. With `all` false only the rows where a daemon differs. */
export function table(columns: readonly Column[], all: boolean): string {
  const cases = columns[0]!.rows.map((row, i) => ({
    hostile: row.hostile,
    cells: columns.map((column) => column.rows[i]!),
  }));
  const shown = cases.filter(({ cells }) => all || cells.some(({ mark }) => mark !== "letter" && mark !== "n/a"));
  const lines = [
    `| case | what | RFC | verdict | ${columns.map(({ name }) => name).join(" | ")} |`,
    `|---|---|---|---|${columns.map(() => "---|").join("")}`,
    ...shown.map(
      ({ hostile, cells }) =>
        `| ${hostile.group} ${hostile.id} | ${hostile.title} | ${hostile.rfc} | ${short(hostile.expect)} | ${cells.map(cell).join(" | ")} |`,
    ),
  ];
  return lines.join("\n");
}

/** Cases to the letter of those that were judged, by chapter; deaths beside them. */
export function chapters(columns: readonly Column[]): string {
  const groups = [...new Set(columns[0]!.rows.map(({ hostile }) => hostile.group))];
  const lines = groups.map((group) => {
    const cells = columns.map((column) => {
      const part = totals({ ...column, rows: column.rows.filter(({ hostile }) => hostile.group === group) });
      return `${part.letter} of ${part.judged}${part.deaths > 0 ? `, died ${part.deaths} x` : ""}`;
    });
    return `| ${group} | ${cells.join(" | ")} |`;
  });
  return [
    `| chapter | ${columns.map(({ name }) => name).join(" | ")} |`,
    `|---|${columns.map(() => "---|").join("")}`,
    ...lines,
  ].join("\n");
}

/** CPU share while a chapter ran and memory at its end, beside the figures without an attack. */
export function costs(columns: readonly Column[]): string {
  const groups = [...new Set(columns[0]!.rows.map(({ hostile }) => hostile.group))];
  const figures = (percent: number, kb: number) => `${percent.toFixed(1)} %, ${kb === 0 ? "-" : megabytes(kb)}`;
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
  const lines = groups.map((group) => {
    const cells = columns.map(({ rows }) => {
      const part = rows.filter(({ hostile }) => hostile.group === group).map(({ cost }) => cost);
      return figures((100 * sum(part.map(({ cpuMs }) => cpuMs))) / sum(part.map(({ ms }) => ms)), part.at(-1)!.kb);
    });
    return `| ${group} | ${cells.join(" | ")} |`;
  });
  return [
    `| CPU, memory | ${columns.map(({ name }) => name).join(" | ")} |`,
    `|---|${columns.map(() => "---|").join("")}`,
    `| idle | ${columns.map(({ idlePercent, idleKb }) => figures(idlePercent, idleKb)).join(" | ")} |`,
    ...lines,
  ].join("\n");
}

const short = (expect: readonly string[]): string =>
  expect.map((verdict) => (verdict.length > 28 ? `${verdict.slice(0, 27)}…` : verdict)).join(" / ");

export function summary(columns: readonly Column[]): string {
  const row = (name: string, value: (column: Column) => string) => `| ${name} | ${columns.map(value).join(" | ")} |`;
  return [
    `| | ${columns.map(({ name, version }) => `${name} ${version}`).join(" | ")} |`,
    `|---|${columns.map(() => "---|").join("")}`,
    row(
      "cases judged (others: capability not offered)",
      (column) => `${totals(column).judged} (${totals(column).notApplicable})`,
    ),
    row("daemon died or hung", (column) => `${totals(column).deaths}`),
    row("another session ended or lost routes", (column) => `${totals(column).touched}`),
    row("to the letter of the RFC", (column) => `${totals(column).letter} (${totals(column).percent.toFixed(1)} %)`),
    row(
      "memory idle, and at most in all attacks",
      ({ idleKb, peakKb }) => `${megabytes(idleKb)}, ${megabytes(peakKb)}`,
    ),
  ].join("\n");
}

const megabytes = (kb: number): string => `${Math.round(kb / 1024)} MB`;
