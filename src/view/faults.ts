import { resolve } from "node:path";
import { ConfigErrors, formatPlace } from "../config/errors.ts";
import { ControlError } from "./view-port.ts";

/** What loading a config threw, as an answer to the operator, who may stand in another directory than we do; anything else is thrown on. */
export function refusedConfig(error: unknown): ControlError {
  if (!(error instanceof ConfigErrors)) throw error;
  const faults = error.errors.map(({ message, place }) => ({
    message,
    place: formatPlace({ ...place, file: resolve(place.file) }),
  }));
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
  return new ControlError("bad-config", `${faults[0]?.message}${more}`, faults);
}
