import { OpenBgpd } from "../../../testbed/daemons/openbgpd.ts";
import { bystanderAs, type Driver, dutAs, externalAs } from "../lane.ts";
import { versionOf } from "./version.ts";

export const openbgpd: Driver = {
  name: "OpenBGPD",
  needs: ["openbgpd"],
  version: () => versionOf(["dpkg-query", "-W", "-f", `version ${"$"}{Version}`, "openbgpd"], /version ([\d.]+)/),
  async start(host, lane) {
    const neighbor = (address: string, as: number) =>
      `neighbor ${address} {\n remote-as ${as}\n passive\n announce IPv4 unicast\n announce IPv6 unicast\n announce add-path recv yes\n${as === dutAs ? " route-reflector\n" : ""}}\n`;
    const it = await new OpenBgpd(
      host,
      `
AS ${dutAs}
router-id ${lane.dut}
listen on ${lane.dut}
fib-update no
holdtime 90
${neighbor(lane.witness, dutAs)}${neighbor(lane.bystander, bystanderAs)}${lane.internals.map((address) => neighbor(address, dutAs)).join("")}${lane.externals.map((address) => neighbor(address, externalAs)).join("")}
allow from any
allow to any
`,
    ).start();
    return { daemons: [it.daemon], pid: it.daemon.pid, stop: () => it.daemon.killNow() };
  },
};
