import type { z } from "zod";
import { fileSchema, inventorySchema, peerGroupSchema } from "./schema.ts";
import { formOf, referenceOf, shapeOf } from "./schema-kit.ts";
import { unservedKeys } from "./unserved.ts";

/**
 * The reference of all keys, made from the schema itself: `docs/configuration.md` holds it between two marks, and a test
 * keeps the two equal (`node dist/src/config/write-reference.js` brings the page up to date).
 */
export function formatReference(): string {
  const sections = Object.entries(shapeOf(fileSchema).keys!).map(([name, schema]) => section(name, schema));
  const nodes = shapeOf(inventorySchema).keys!.nodes!;
  return [...sections, section("nodes", nodes, "In the inventory, `nodes.yaml`. ")].join("\n");
}

function section(name: string, schema: z.ZodType, intro = ""): string {
  const common = name === "neighbors" || name === "dynamic-neighbors" ? Object.keys(peerGroupSchema.shape) : [];
  const rows = keysOf(schema, "", common).map(
    ([path, value, about, fallback]) =>
      `| \`${path}\` | ${cell(value)} | ${cell(fallback)} | ${cell(about)}${unserved(`${name}.${path}`)} |`,
  );
  const others = common.length > 0 ? " Every key of a peer group may stand here, too." : "";
  const about = `${referenceOf(schema)?.about ?? ""}${others}`;
  return `### ${name}\n\n${intro}${about}\n\n| key | value | default | |\n|---|---|---|---|\n${rows.join("\n")}\n`;
}

const unserved = (key: string): string =>
  unservedKeys.some((each) => key === each || key.startsWith(`${each}.`)) ? " **Does nothing yet.**" : "";

/** Keys below a schema with their way down: `timers.hold-time`, `[]` for each of a list, `NAME` for each that is named. */
function keysOf(
  schema: z.ZodType,
  above: string,
  without: readonly string[] = [],
): [path: string, value: string, about: string, fallback: string][] {
  const { keys, each, named } = shapeOf(schema);
  if (each !== undefined) {
    const below = above === "" ? (named ? "NAME" : "") : `${above}${named ? ".NAME" : ""}`;
    return isScalar(each) ? [] : keysOf(each, below, without);
  }
  return Object.entries(keys ?? {}).flatMap(([name, inner]) => {
    if (without.includes(name)) return [];
    const path = above === "" ? name : `${above}.${name}`;
    const reference = referenceOf(inner);
    const row: [string, string, string, string] = [
      path,
      formOf(inner),
      reference?.about ?? "",
      reference?.fallback ?? "",
    ];
    return [row, ...keysOf(inner, path)];
  });
}

const isScalar = (schema: z.ZodType): boolean => {
  const { keys, each } = shapeOf(schema);
  return keys === undefined && each === undefined;
};

const cell = (text: string): string => text.replaceAll("|", "\\|");

const referenceMarks = ["<!-- reference: made from src/config/schema.ts -->\n", "<!-- end of reference -->\n"] as const;

/** The page with a new reference between its marks. */
export function insertReference(page: string): string {
  const start = page.indexOf(referenceMarks[0]) + referenceMarks[0].length;
  const end = page.indexOf(referenceMarks[1]);
  if (start < referenceMarks[0].length || end < start) throw new Error("the page has lost its reference marks");
  return `${page.slice(0, start)}\n${formatReference()}\n${page.slice(end)}`;
}
