import { fileSchema, inventorySchema } from "./schema.ts";
import { isMapping } from "./schema-kit.ts";

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

/** What a file is instead, where nothing in it has one of the keys that were looked for. */
export function otherKind(value: unknown, keys: readonly string[]): string | undefined {
  const found = isMapping(value) ? Object.keys(value) : [];
  if (found.some((key) => keys.includes(key))) return undefined;
  const kind = kinds.find((candidate) => found.some((key) => candidate.keys.includes(key)));
  return kind && `This looks like ${kind.called}: ${kind.use}`;
}
