import type { z } from "zod";
import type { Path } from "./errors.ts";
import { otherKind } from "./file-kind.ts";
import { nearest } from "./nearest.ts";
import { nameOf, type Problems } from "./problems.ts";
import { isMapping, schemaAt, shapeOf } from "./schema-kit.ts";
import type { Source } from "./source.ts";

/**
 * Holds a file against its schema. Faults go to `problems`; what they concern is cut out, so that the rest can be
 * looked at too and all errors come at once. Undefined if there is nothing worth going on with.
 */
export function readSource<T>(source: Source, schema: z.ZodType<T>, problems: Problems): T | undefined {
  const known = Object.keys(shapeOf(schema).keys ?? {});
  const other = otherKind(source, known);
  if (other !== undefined) {
    problems.error(other, source.place([]));
    return undefined;
  }
  for (const error of source.errors) problems.add(error);
  if (!source.readable) return undefined;
  // `value` belongs to the source and stays whole: messages quote it.
  let value: unknown = structuredCloneOf(source.value ?? Object.create(null));
  const cutter = new Cutter();
  // Each round cuts at least one key, and a file has no more layers than this.
  for (let round = 0; round < 8; round++) {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    for (const issue of result.error.issues) {
      const path = issue.path as Path;
      if (issue.code === "unrecognized_keys") {
        for (const key of issue.keys) {
          if (round === 0) reportUnknown(source, schema, [...path, key], problems);
          value = cutter.cut(value, [...path, key]);
        }
        continue;
      }
      if (round === 0) problems.cannot(source, path, issue.message);
      value = cutter.cut(value, path);
    }
  }
  return undefined;
}

/** An unknown key is told with the nearest known one: at its place, else one level further down. */
function reportUnknown(source: Source, schema: z.ZodType, path: Path, problems: Problems): void {
  if (problems.full) {
    problems.another();
    return;
  }
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const keys = shapeOf(schemaAt(schema, parent) ?? schema).keys ?? {};
  // What stands beside a password may be one.
  const shown = path.includes("password") ? "" : ` ${JSON.stringify(key)}`;
  const place = parent.length === 0 ? "" : ` in ${nameOf(source, parent)}`;
  problems.error(`Unknown key${shown}${place}: ${hint(key, keys)}`, source.keyPlace(path), path);
}

/** Known keys that are told where none is near. */
const MOST_NAMED = 8;

function hint(key: string, keys: Record<string, z.ZodType>): string {
  for (const [name, schema] of Object.entries(keys))
    if (Object.hasOwn(shapeOf(schema).keys ?? {}, key)) return `it belongs under "${name}"`;
  const known = Object.keys(keys);
  if (known.length === 0) return "no keys are known here";
  const found = nearest(key, known);
  if (found?.close) return `did you mean "${found.word}"?`;
  return `it isn't supported; there ${known.length === 1 ? "is" : "are"} ${known.slice(0, MOST_NAMED).join(", ")}${known.length > MOST_NAMED ? ", ..." : ""}`;
}

/** Takes out of a value what can't be used. */
class Cutter {
  /** Asked once for each list, not once for each of its elements. */
  readonly #holdsMappings = new Map<unknown[], boolean>();

  /** Without what stands at `path`; in a list of mappings an empty one takes its place, so that the others keep theirs. */
  cut(value: unknown, path: Path): unknown {
    if (path.length === 0) return Object.create(null);
    const parent = path
      .slice(0, -1)
      .reduce<unknown>((at, step) => (at as Record<string | number, unknown>)?.[step], value);
    const last = path.at(-1)!;
    if (Array.isArray(parent)) {
      const index = Number(last);
      if (!this.#ofMappings(parent) || isEmptyMapping(parent[index])) return this.cut(value, path.slice(0, -1));
      parent[index] = Object.create(null);
    } else if (isMapping(parent)) delete parent[last];
    else if (path.length > 1) return this.cut(value, path.slice(0, -1));
    return value;
  }

  #ofMappings(list: unknown[]): boolean {
    const known = this.#holdsMappings.get(list);
    if (known !== undefined) return known;
    const found = list.some((item) => isMapping(item));
    this.#holdsMappings.set(list, found);
    return found;
  }
}

const isEmptyMapping = (value: unknown): boolean => isMapping(value) && Object.keys(value).length === 0;

function structuredCloneOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCloneOf);
  if (!isMapping(value)) return value;
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, inner] of Object.entries(value)) copy[key] = structuredCloneOf(inner);
  return copy;
}
