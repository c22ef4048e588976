import { readFileSync } from "node:fs";
import type { Host, HostAddress } from "../../src/config/host.ts";
import { parseConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/model.ts";

/** A machine for tests: what it is called and which addresses it has is written down, files are the real ones. */
export function testHost(
  addresses: readonly HostAddress[] = [],
  environment: Readonly<Record<string, string>> = {},
  name = "node-7",
): Host {
  return {
    name,
    addresses: () => addresses,
    environment: (variable) => environment[variable],
    readFile: (path) => readFileSync(path, "utf8"),
    isWorldReadable: () => false,
  };
}

export const onInterface = (name: string, address: string): HostAddress => ({
  interface: name,
  address,
  family: address.includes(":") ? 6 : 4,
  internal: name === "lo",
});

/** Reads text as if it were a file of this directory. */
export const parse = (text: string, host: Host = testHost()): Config =>
  parseConfig(text, "test/config/test.yaml", host);

export const minimal = "router: {as: 65001, router-id: 10.0.0.7}\n";
