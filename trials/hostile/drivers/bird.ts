import { Bird } from "../../../testbed/daemons/bird.ts";
import { bystanderAs, type Driver, dutAs, externalAs } from "../lane.ts";
import { versionOf } from "./version.ts";

export const bird: Driver = {
  name: "BIRD",
  needs: ["bird"],
  version: () => versionOf(["bird", "--version"], /version (\S+)/),
  async start(host, lane) {
    const it = await new Bird(
      host,
      `
router id ${lane.dut};
protocol direct { ipv4; ipv6; }
template bgp peer {
  local ${lane.dut} as ${dutAs}; passive; hold time 90; enable extended messages;
  ipv4 { import all; export where source = RTS_BGP; add paths rx; };
  ipv6 { import all; export where source = RTS_BGP; };
}
template bgp inside from peer { rr client; }
protocol bgp witness from inside { neighbor ${lane.witness} as ${dutAs}; }
protocol bgp bystander from peer { neighbor ${lane.bystander} as ${bystanderAs}; }
${lane.internals.map((address, i) => `protocol bgp i${i} from inside { neighbor ${address} as ${dutAs}; }`).join("\n")}
${lane.externals.map((address, i) => `protocol bgp e${i} from peer { neighbor ${address} as ${externalAs}; }`).join("\n")}
`,
    ).start();
    return { daemons: [it.daemon], pid: it.daemon.pid, stop: () => it.daemon.killNow() };
  },
};
