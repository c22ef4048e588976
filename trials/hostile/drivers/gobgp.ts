import { GoBgp } from "../../../testbed/daemons/gobgp.ts";
import { bystanderAs, type Driver, dutAs, externalAs } from "../lane.ts";
import { versionOf } from "./version.ts";

export const gobgp: Driver = {
  name: "GoBGP",
  needs: ["gobgp"],
  version: () => versionOf(["gobgpd", "--version"], /version (\S+)/),
  async start(host, lane) {
    const family = (name: string, addPath: boolean) => `
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${name}"
    [neighbors.afi-safis.add-paths.config]
      receive = ${addPath}`;
    const neighbor = (address: string, as: number, addPath = true) => `
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${address}"
    peer-as = ${as}
  [neighbors.transport.config]
    passive-mode = true${
      as === dutAs
        ? `
  [neighbors.route-reflector.config]
    route-reflector-client = true
    route-reflector-cluster-id = "${lane.dut}"`
        : ""
    }${family("ipv4-unicast", addPath)}${family("ipv6-unicast", false)}`;
    const it = await new GoBgp(
      host,
      `
[global.config]
  as = ${dutAs}
  router-id = "${lane.dut}"
${neighbor(lane.witness, dutAs, false)}${neighbor(lane.bystander, bystanderAs, false)}${lane.internals.map((address) => neighbor(address, dutAs)).join("")}${lane.externals.map((address) => neighbor(address, externalAs)).join("")}
`,
    ).start();
    return { daemons: [it.daemon], pid: it.daemon.pid, stop: () => it.daemon.killNow() };
  },
};
