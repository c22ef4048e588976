import { escapeText } from "../../lib/escape.ts";
import type { Explanation } from "../../view/model.ts";
import { fibCells, formatNextHops } from "./fib.ts";
import { formatAsPath, formatVerdict, marksOf } from "./routes.ts";

/** `peerage explain`: the way of a prefix, from the first UPDATE to the last neighbor, in sentences. */
export function formatExplanation(explanation: Explanation): string {
  const lines: string[] = [];
  const say = (depth: number, text: string) => lines.push(`${"  ".repeat(depth)}${escapeText(text)}`);
  const { prefix, question, received, decision, nextHop, kernel, advertised } = explanation;
  say(0, question === prefix ? prefix : `${question} is in ${prefix}`);
  say(0, "");
  say(0, "Received");
  if (received.length === 0) say(1, "from nobody");
  for (const path of received) {
    const hop = path.nextHop === null ? "" : `, next hop ${path.nextHop}`;
    say(1, `${marksOf(path)} from ${path.from}${hop}, path ${formatAsPath(path)}, local-pref ${path.localPref ?? "-"}`);
    say(3, formatVerdict(path.policy));
    if (path.lostAt !== null) say(3, `lost at: ${path.lostAt}`);
  }
  say(0, "Decision");
  say(1, decision.text);
  if (nextHop) {
    say(0, "Next hop");
    say(1, nextHop.text);
  }
  say(0, "Kernel");
  if (kernel) {
    say(1, kernel.text);
    if (kernel.intended)
      say(1, `${prefix} ${formatNextHops(kernel.intended)}: ${fibCells(kernel.intended)[0]!.at(-1)}`);
  } else say(1, "nothing is wanted there");
  say(0, "Advertised");
  if (advertised.length === 0) say(1, "to nobody");
  for (const { address, description, sent, reason, nextHop: told } of advertised) {
    const who = description === "" ? address : `${address} (${description})`;
    const what = sent ? `sent${told === null ? "" : ` with next hop ${told}`}` : "not sent";
    say(1, `${who}: ${what}${reason === "" ? "" : `: ${reason}`}`);
  }
  return `${lines.join("\n")}\n`;
}
