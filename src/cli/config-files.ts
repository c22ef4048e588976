import { resolve } from "node:path";
import { thisHost } from "../config/host.ts";
import { loadConfig, readFile } from "../config/load.ts";
import type { SentConfig } from "../config/reader.ts";
import { systemReason } from "../lib/system-errors.ts";

/**
 * A config with all files that it names, read as whoever gave the command: the daemon judges what it is sent and opens none of it, so that
 * nobody hears through it what stands in a file that they may not read. @throws ConfigErrors if the config itself can't be read
 */
export function configFiles(given: string): SentConfig {
  const file = resolve(given);
  const host = thisHost();
  const texts: Record<string, string> = {};
  const unreadable: Record<string, string> = {};
  readFile(given, "config file", host);
  try {
    loadConfig(file, {
      ...host,
      // Whether a variable is set where the daemon runs, only the daemon knows.
      environment: () => "somewhere",
      isWorldReadable: () => false,
      readFile: (path) => {
        try {
          texts[path] = host.readFile(path);
          return texts[path];
        } catch (error) {
          unreadable[path] = systemReason(error);
          throw error;
        }
      },
    });
  } catch {
    // What is wrong with it the daemon says, whose addresses and environment count.
  }
  return { file, texts, unreadable };
}
