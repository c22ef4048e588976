import { formatEffective } from "../config/effective.ts";
import { formatPlace } from "../config/errors.ts";
import { thisHost } from "../config/host.ts";
import { loadConfig } from "../config/load.ts";
import { escapedJson } from "../lib/escape.ts";
import { CliFailure, type CliIo, Exit } from "./io.ts";

/**
 * `peerage check FILE`: reads the config as the daemon would, and touches nothing. With `as` it is read as on that node of the inventory, for one file
 * that serves them all. @throws ConfigErrors
 */
export async function check(
  file: string,
  options: { readonly effective?: boolean; readonly json?: boolean; readonly as?: string },
  io: CliIo,
): Promise<number> {
  const host = thisHost();
  const config = loadConfig(
    file,
    options.as === undefined ? host : { ...host, name: options.as, isAnother: true, addresses: () => [] },
  );
  if (options.as !== undefined && config.inventory?.self?.name !== options.as)
    throw new CliFailure(Exit.usage, `The inventory of ${file} has no node ${JSON.stringify(options.as)}`);
  const warnings = config.warnings.map(({ message, place }) => ({ message, place: formatPlace(place) }));
  if (options.json) {
    await io.out(`${escapedJson({ valid: true, warnings, ...(options.effective ? { effective: config } : {}) })}\n`);
    return Exit.done;
  }
  for (const { message, place } of warnings) io.err(`${place}: warning: ${message}\n`);
  if (options.effective) await io.out(formatEffective(config));
  else {
    const { neighbors, dynamicNeighbors, policies } = config;
    const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
    await io.out(
      `${file}: valid, AS ${config.router.as}, router-id ${config.router.routerId}, ${count(neighbors.length, "neighbor")}, ${count(dynamicNeighbors.length, "range")}, ${Object.keys(policies).length === 1 ? "1 policy" : `${Object.keys(policies).length} policies`}\n`,
    );
  }
  return Exit.done;
}
