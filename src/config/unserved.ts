import type { Config, ConfigWarning } from "./model.ts";

/**
 * Keys that are read and checked, but that this version does not act on yet. Whoever makes one work removes its row.
 * A key that silently did nothing would be a lie; these are said at every start and by `check`.
 */
const unserved: readonly (readonly [key: string, set: (config: Config) => boolean])[] = [
  ["telemetry.web", (config) => config.telemetry.web !== null],
  ["telemetry.bmp", (config) => config.telemetry.bmp.length > 0],
  ["telemetry.mrt", (config) => config.telemetry.mrt !== null],
];

export function warnAboutUnserved(config: Config, shownFile: string): ConfigWarning[] {
  return unserved
    .filter(([, set]) => set(config))
    .map(([key]) => ({
      place: { file: shownFile, line: 1, column: 1 },
      message: `${key} is read and checked, but this version does nothing with it yet`,
    }));
}
