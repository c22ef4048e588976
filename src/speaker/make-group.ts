import { ExportGroup } from "../export/export-group.ts";
import type { ExportPolicyPort, WithheldReason } from "../export/export-ports.ts";
import type { GroupKey } from "../export/group-key.ts";
import { formatPrefix } from "../lib/address.ts";
import type { Log } from "../lib/log.ts";
import { prefixAt } from "../lib/prefix-words.ts";
import type { KernelSide } from "./kernel/kernel-side.ts";
import type { Convergence } from "./load/convergence.ts";
import type { Tables } from "./tables.ts";

export interface GroupParts {
  readonly tables: Tables;
  readonly kernel: KernelSide;
  readonly convergence: Convergence;
  readonly log: Log;
  readonly wake: () => void;
}

/** An update group among our tables: where its routes come from, and who hears of what it does. */
export function makeGroup(key: GroupKey, policy: ExportPolicyPort, parts: GroupParts): ExportGroup {
  const { tables, convergence } = parts;
  return new ExportGroup({
    key,
    policy,
    sources: tables.sources,
    routes: tables.byFamily[key.family]!,
    sets: tables.store,
    nextHops: parts.kernel.nextHops,
    events: {
      wake: parts.wake,
      withheld: (prefixId, reason) => logWithheld(key, prefixId, reason, parts),
      delivered: (stamp) => convergence.delivered(stamp),
    },
  });
}

function logWithheld(key: GroupKey, prefixId: number, reason: WithheldReason, { tables, log }: GroupParts): void {
  const prefix = formatPrefix(prefixAt(tables.byFamily[key.family]!.prefixes, prefixId));
  const why = reason === "too-big" ? "it doesn't fit into a message" : "there's no next hop to send it with";
  const text = `${prefix} is not advertised to ${key.peerKind} peers: ${why}`;
  log.event("warn", "withheld", text, { prefix, reason });
}
