import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import type { Topology } from "./topology.ts";

const prefix = z.string().regex(/^\d+\.\d+\.\d+\.0\/24$/, "must be an IPv4 /24 such as 172.17.8.0/24");

const schema = z.strictObject({
  racks: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z][a-z0-9]{0,3}$/, "must be up to four lower-case letters and digits"),
        as: z.int().min(1).max(4294967295),
        subnet: prefix,
        blocks: z.array(prefix).min(1).max(100),
      }),
    )
    .min(1)
    .max(16)
    .refine((racks) => new Set(racks.map((rack) => rack.name)).size === racks.length, "names of racks must differ"),
});

/** Reads a topology. @throws Error with one sentence per fault. */
export function readTopology(file: string): Topology {
  const result = schema.safeParse(parse(readFileSync(file, "utf8")));
  if (result.success) return result.data;
  throw new Error(
    result.error.issues
      .map((issue) => `Cannot use ${file}: ${issue.path.length > 0 ? `${issue.path.join(".")}: ` : ""}${issue.message}`)
      .join("\n"),
  );
}
