import { escapeText } from "../../lib/escape.ts";
import { changeVerbs, kindOf } from "../../view/change-report.ts";
import type { ChangeReport } from "../../view/model.ts";

/** `peerage diff` and `peerage reload`: what is, or would be, different. */
export function formatChanges(report: ChangeReport): string {
  const lines = [...report.router];
  for (const { address, change, reasons } of report.neighbors) {
    lines.push(`${kindOf(address)} ${address} ${changeVerbs[change]}`);
    for (const reason of reasons) lines.push(`  ${reason}`);
  }
  lines.push(...report.others);
  if (lines.length === 0) lines.push("Nothing changes");
  else if (report.unchangedNeighbors > 0) {
    const many = report.unchangedNeighbors !== 1;
    lines.push(`${report.unchangedNeighbors} neighbor${many ? "s are" : " is"} not concerned`);
  }
  for (const warning of report.warnings) lines.push(`warning: ${warning}`);
  return lines.map((line) => `${escapeText(line)}\n`).join("");
}
