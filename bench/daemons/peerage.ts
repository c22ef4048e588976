import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../paths.ts";
import type { Daemon, ReflectorSettings } from "./daemon.ts";

const main = join(root, "dist/src/main.js");

/** Peerage itself, as any operator would run it. For profiles: `nodeFlags`, and a command to run it under. */
export const peerage = (nodeFlags: readonly string[], wrapper: readonly string[]): Daemon => ({
  kind: "ours",
  label: "Peerage",
  version: () =>
    `Peerage ${JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version}, Node ${process.version}`,
  missing: () => (existsSync(main) ? null : `${main} is not built: npm run build`),
  unfit: () => null,
  prepare(settings, folder) {
    const file = join(folder, "peerage.yaml");
    writeFileSync(file, configuration(settings, folder));
    return { argv: [...wrapper, process.execPath, ...nodeFlags, main, "run", "-c", file] };
  },
});

const configuration = (s: ReflectorSettings, folder: string): string => `
router:
  as: ${s.as}
  router-id: ${s.routerId}
  cluster-id: ${s.routerId}
  listen: {address: ["${s.address}"], port: 179}
kernel: {fib: none}
control: {socket: ${join(folder, "peerage.sock")}}
telemetry: {log: {format: text, level: warn}}
peer-groups:
${s.ranges
  .map(
    ({ name, keepBack }) => `  ${name}:
    remote-as: internal
    route-reflector-client: true
    timers: {hold-time: ${s.holdTimeSeconds}}
    address-families: {ipv${s.family}-unicast: {}}
${s.addPath ? "    add-path: {send: all}" : ""}
${s.policyStatements > 0 ? "    import-policy: [incoming]" : ""}
${keepBack ? `    export-policy: [to-${name}]` : ""}`,
  )
  .join("\n")}
dynamic-neighbors:
${s.ranges.map(({ name, prefix }) => `  - {range: "${prefix}", peer-group: ${name}}`).join("\n")}
policies:
  accept-all: [{then: accept}]
${s.policyStatements > 0 ? "  incoming:" : ""}
${Array.from({ length: s.policyStatements }, (_, i) => `    - {match: {communities: ["64998:${i + 1}"]}, then: reject}`).join("\n")}
${s.policyStatements > 0 ? "    - {then: accept}" : ""}
${s.ranges
  .filter(({ keepBack }) => keepBack)
  .map(
    ({ name, keepBack }) =>
      `  to-${name}:\n    - {match: {communities: ["${keepBack}"]}, then: reject}\n    - {then: accept}`,
  )
  .join("\n")}
`;
