import { nearest } from "./nearest.ts";
import { fileSchema, inventorySchema } from "./schema.ts";
import type { Source } from "./source.ts";

/** The kinds of YAML file there are, told apart by the keys at the top. */
const kinds = [
  {
    called: "a daemon's config",
    keys: Object.keys(fileSchema.shape),
    use: "`peerage check` and `peerage run -c` take it",
  },
  {
    called: "an inventory of nodes",
    keys: Object.keys(inventorySchema.shape),
    use: "a daemon's config names it under topology.inventory, as {file: PATH}, and `peerage check` of that config checks both",
  },
  { called: "the topology of a lab", keys: ["racks"], use: "`peerage lab` takes it" },
];

/**
 * What a file is instead, where nothing in it has one of the keys that were looked for, or nearly one. Nothing of such a file is quoted: it may be a
 * password, or whatever else somebody named by mistake, or on purpose to hear what stands in it.
 */
export function otherKind(source: Source, keys: readonly string[]): string | undefined {
  const found = source.topKeys;
  if (found.length === 0 && source.isEmpty) return undefined;
  if (found.some((key) => keys.includes(key) || nearest(key, keys)?.close)) return undefined;
  const kind = kinds.find((candidate) => found.some((key) => candidate.keys.includes(key)));
  if (kind !== undefined) return `This looks like ${kind.called}: ${kind.use}`;
  return `This is no such file: none of its keys is one of ${keys.slice(0, 4).join(", ")}${keys.length > 4 ? ", ..." : ""}`;
}
