import { escapeText } from "../lib/escape.ts";
import type { Readiness } from "../view/model.ts";

/**
 * What probes of an orchestrator ask. `/healthz`: the process is alive and its one thread answers. `/readyz`: nothing is left that
 * it can come to by itself; 503 with a reason in each line otherwise. What it can't help is a warning and costs no readiness: a
 * neighbor that is down must not stop a rollout.
 */
export function healthAt(
  path: string | undefined,
  readiness: () => Readiness,
): { readonly status: number; readonly text: string } | null {
  if (path === "/healthz") return { status: 200, text: "ok\n" };
  if (path !== "/readyz") return null;
  const { reasons, warnings } = readiness();
  const lines = [...(reasons.length === 0 ? ["ready"] : reasons), ...warnings.map((text) => `warning: ${text}`)];
  return { status: reasons.length === 0 ? 200 : 503, text: lines.map((line) => `${escapeText(line)}\n`).join("") };
}
