import type { Config, ConfigWarning } from "./model.ts";
import type { Source } from "./source.ts";

/**
 * Keys that are read and checked, but that this version does not act on yet. Whoever makes one work removes its row.
 * A key that silently did nothing would be a lie; these are said at every start, by `check`, and in the reference of all keys.
 */
const unserved: readonly (readonly [path: readonly string[], set: (config: Config) => boolean])[] = [
  [["telemetry", "web"], (config) => config.telemetry.web !== null],
  [["telemetry", "bmp"], (config) => config.telemetry.bmp.length > 0],
];

/** The keys, as `telemetry.web`. */
export const unservedKeys: readonly string[] = unserved.map(([path]) => path.join("."));

export function warnAboutUnserved(config: Config, source: Source): ConfigWarning[] {
  return unserved
    .filter(([, set]) => set(config))
    .map(([path]) => ({
      place: source.keyPlace(path),
      message: `${path.join(".")} is read and checked, but this version does nothing with it yet`,
    }));
}
