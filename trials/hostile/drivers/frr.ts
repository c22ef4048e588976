import { Frr } from "../../../testbed/daemons/frr.ts";
import { bystanderAs, type Driver, dutAs, externalAs } from "../lane.ts";
import { versionOf } from "./version.ts";

export const frr: Driver = {
  name: "FRR",
  needs: ["frr"],
  version: () => versionOf(["/usr/lib/frr/bgpd", "--version"], /version (\S+)/),
  async start(host, lane) {
    const group = (name: string, as: number) => ` neighbor ${name} peer-group
 neighbor ${name} remote-as ${as}
 neighbor ${name} passive
 neighbor ${name} advertisement-interval 0
`;
    const activate = (client: string) => `  neighbor inside activate
  neighbor inside route-reflector-client
${client}  neighbor outside activate
  neighbor bystander activate
`;
    const it = await new Frr(
      host,
      `
router bgp ${dutAs}
 bgp router-id ${lane.dut}
 no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast
 timers bgp 30 90
${group("inside", dutAs)}${group("outside", externalAs)}${group("bystander", bystanderAs)}${[lane.witness, ...lane.internals].map((address) => ` neighbor ${address} peer-group inside\n`).join("")}${lane.externals.map((address) => ` neighbor ${address} peer-group outside\n`).join("")} neighbor ${lane.bystander} peer-group bystander
 address-family ipv4 unicast
${activate("")} exit-address-family
 address-family ipv6 unicast
${activate("")} exit-address-family
`,
    ).start();
    const daemons = [it.bgpd, it.zebra];
    return {
      daemons,
      pid: it.bgpd.pid,
      stop: () => {
        for (const daemon of daemons) daemon.killNow();
      },
    };
  },
};
