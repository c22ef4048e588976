import { z } from "zod";
import { FloatText } from "./source.ts";

/**
 * The few pieces that the schema is made of. `zod` checks the shape; these add what a configuration needs beside it: a
 * sentence on what was wanted, a reference text per key, and a way to ask which keys are known at a path (for "did you
 * mean"). Nothing is required here and nothing has a default: groups are inherited before defaults can apply.
 */

/** Why a value can't be used, as "must be ...". */
export class Unfit extends Error {}

/** What the reference says of a key. */
export interface KeyReference {
  readonly about: string;
  /** Default as text; "" when there's none. */
  readonly fallback: string;
}

interface Inner {
  /** How a value is written, for the reference. */
  readonly form?: string;
  readonly mapping?: z.ZodType;
  readonly element?: z.ZodType;
}

const references = new WeakMap<z.ZodType, KeyReference>();
const inners = new WeakMap<z.ZodType, Inner>();

/**
 * A value that `read` turns into what the program uses; undefined says that it isn't one.
 * @param form for the reference: "an address"; the message says "must be FORM" unless `read` throws `Unfit`.
 */
export function leaf<T>(form: string, read: (value: unknown) => T | undefined): z.ZodType<T> {
  const schema = z.unknown().transform((value, context) => {
    let problem = `must be ${form}`;
    try {
      const result = read(value);
      if (result !== undefined) return result;
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      problem = error.message;
    }
    context.issues.push({ code: "custom", message: problem, input: value });
    return z.NEVER;
  });
  inners.set(schema, { form });
  return schema as unknown as z.ZodType<T>;
}

/** One of a key's alternatives is a mapping; everything else goes to `other`. */
export function mappingOr<M, T>(mapping: z.ZodType<M>, other: z.ZodType<T>): z.ZodType<M | T> {
  const schema = z.unknown().transform((value, context) => {
    const result = (isMapping(value) ? mapping : other).safeParse(value);
    if (result.success) return result.data;
    for (const issue of result.error.issues) context.issues.push({ ...issue, input: value } as never);
    return z.NEVER;
  });
  inners.set(schema, { form: `${formOf(other)}, or a mapping`, mapping });
  return schema as unknown as z.ZodType<M | T>;
}

/** A list of values, or a lone one that stands for a list of one. */
export function oneOrMore<T>(element: z.ZodType<T>): z.ZodType<T[]> {
  const schema = z.unknown().transform((value, context) => {
    const results: T[] = [];
    const list = Array.isArray(value);
    for (const [index, item] of (list ? value : [value]).entries()) {
      const result = element.safeParse(item);
      if (result.success) results.push(result.data);
      else
        for (const issue of result.error.issues)
          context.issues.push({ ...issue, path: list ? [index, ...issue.path] : issue.path, input: item } as never);
    }
    return results;
  });
  inners.set(schema, { form: `${formOf(element)}, or a list`, element });
  return schema as unknown as z.ZodType<T[]>;
}

/** A mapping with just these keys. */
export const mapping = <S extends z.ZodRawShape>(shape: S) => z.strictObject(shape, { error: "must be a mapping" });

/** Names, each with a value. */
export const named = <T extends z.ZodType>(value: T) => z.record(z.string(), value, { error: "must be a mapping" });

export const listOf = <T extends z.ZodType>(element: T) => z.array(element, { error: "must be a list" });

/** A key with nothing behind it, as is left when all below it is commented out, is an absent one. */
export function section<T>(schema: z.ZodType<T>): z.ZodType<T | undefined> {
  const wrapped = z.preprocess((value) => (value === null ? undefined : value), schema.optional());
  inners.set(wrapped, { mapping: schema });
  return wrapped as unknown as z.ZodType<T | undefined>;
}

/** A key of a mapping with its line in the reference. */
export function key<T extends z.ZodType>(schema: T, about: string, fallback = ""): z.ZodOptional<T> {
  const optional = schema.optional();
  references.set(optional, { about, fallback });
  return optional;
}

export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof FloatText);

// Asking the schema --------------------------------------------------------------------------------------------------

export const referenceOf = (schema: z.ZodType): KeyReference | undefined => references.get(schema);

/** How a value of this schema is written. */
export function formOf(schema: z.ZodType): string {
  const form = inners.get(schema)?.form;
  if (form !== undefined) return form;
  if (schema instanceof z.ZodOptional) return formOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodArray) return "a list";
  return "a mapping";
}

/** The shape below a schema: the keys of a mapping, or what each element or named value is. */
export function shapeOf(schema: z.ZodType): { keys?: Record<string, z.ZodType>; each?: z.ZodType; named?: boolean } {
  const inner = inners.get(schema);
  if (inner?.mapping) return shapeOf(inner.mapping);
  if (inner?.element) return { each: inner.element };
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return shapeOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodObject) return { keys: schema.shape as Record<string, z.ZodType> };
  if (schema instanceof z.ZodArray) return { each: schema.element as z.ZodType };
  if (schema instanceof z.ZodRecord) return { each: schema.valueType as z.ZodType, named: true };
  return {};
}

/** The schema of what stands at `path`, or undefined where nothing is known. */
export function schemaAt(schema: z.ZodType, path: readonly (string | number)[]): z.ZodType | undefined {
  let at: z.ZodType | undefined = schema;
  for (const step of path) {
    if (at === undefined) return undefined;
    const { keys, each } = shapeOf(at);
    at = keys ? (Object.hasOwn(keys, step) ? keys[step] : undefined) : each;
  }
  return at;
}
