import { TextFault } from "../lib/plain-file.ts";
import { systemReason } from "../lib/system-errors.ts";
import { ConfigError, ConfigErrors } from "./errors.ts";
import { type Host, thisHost } from "./host.ts";
import type { Config } from "./model.ts";
import { Problems } from "./problems.ts";
import { readSource } from "./read.ts";
import { resolveConfig } from "./resolve.ts";
import { fileSchema } from "./schema.ts";
import { Source } from "./source.ts";
import { warnAboutUnserved } from "./unserved.ts";

/**
 * The configuration room: a YAML file becomes a typed, immutable `Config` (`model.ts`), or a list of everything that is
 * wrong with it, each with file, line and column.
 *
 *   text → `source.ts` (YAML with places) → `read.ts` + `schema.ts` (shape, unknown keys, single values)
 *        → `resolve*.ts` (groups, inventory, defaults, contradictions) → `Config` → `diff.ts` (what a reload changes)
 *
 * Invariants: a fault never hides another (what is wrong is cut out and the rest is still judged); a secret is read from
 * a file or the environment and shows nowhere; nothing behind this room knows YAML's words.
 */

/**
 * Reads and checks `file`. Paths in it are relative to its directory.
 * @throws ConfigErrors with everything that is wrong, also if the file can't be read.
 */
export function loadConfig(file: string, host: Host = thisHost()): Config {
  return parseConfig(readFile(file, "config file", host), file, host);
}

/** The text of a file that a command was told to take. @throws ConfigErrors */
export function readFile(file: string, what: string, host: Host): string {
  try {
    return host.readFile(file);
  } catch (error) {
    const { line, column } = error instanceof TextFault ? error : { line: 1, column: 1 };
    throw new ConfigErrors([
      new ConfigError(`Cannot read the ${what}: ${systemReason(error)}`, { file, line, column }),
    ]);
  }
}

/** The same for text that is at hand; `file` names it and says where relative paths begin. @throws ConfigErrors */
export function parseConfig(text: string, file: string, host: Host = thisHost()): Config {
  const problems = new Problems();
  const source = new Source(file, text);
  const raw = readSource(source, fileSchema, problems);
  const config = raw && resolveConfig(raw, source, file, host, problems);
  problems.settle();
  if (!config) throw new Error(`${file} was refused without a reason`);
  return { ...config, warnings: [...config.warnings, ...warnAboutUnserved(config, source)] };
}
