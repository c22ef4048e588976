import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import { bystanderAs, type Driver, externalAs, type Lane } from "../lane.ts";

const both = "address-families: {ipv4-unicast: {}, ipv6-unicast: {}}";

/** Our own configuration, with room for more: of neighbors and of the top level. */
export const ourConfig = (lane: Lane, neighbors = "", more = ""): string => `
router: {as: 65001, router-id: ${lane.dut}, address: ${lane.dut}, address6: "${lane.dut6}"}
peer-groups:
  inside: {remote-as: internal, passive: true, route-reflector-client: true, ${both}, add-path: {receive: true}}
  witness: {remote-as: internal, passive: true, route-reflector-client: true, ${both}}
  outside: {passive: true, ${both}, add-path: {receive: true}, import-policy: [all], export-policy: [all]}
policies: {all: [{then: accept}]}
neighbors:
  - {address: ${lane.witness}, peer-group: witness}
  - {address: ${lane.bystander}, peer-group: outside, remote-as: ${bystanderAs}}
${neighbors}${more}`;

export const ours: Driver = {
  name: "Peerage",
  needs: [],
  version: () =>
    JSON.parse(readFileSync(join(import.meta.dirname, "../../../../package.json"), "utf8")).version as string,
  async start(host, lane) {
    const neighbors = [
      ...lane.internals.map((address) => `  - {address: ${address}, peer-group: inside}`),
      ...lane.externals.map((address) => `  - {address: ${address}, peer-group: outside, remote-as: ${externalAs}}`),
    ].join("\n");
    const peerage = await new Peerage(host, ourConfig(lane, neighbors)).start();
    return { daemons: [peerage.daemon], pid: peerage.daemon.pid, stop: () => peerage.daemon.killNow() };
  },
};
