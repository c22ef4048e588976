import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon } from "../../../testbed/daemons/daemon.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import type { Host } from "../../../testbed/lab.ts";
import { scenario } from "../harness/scenario.ts";
import { ourTimers } from "../harness/texts.ts";

const sources = join(import.meta.dirname, "../../../src");
const NOBODY = 65534;
const CAP_NET_BIND_SERVICE = 1n << 10n;
const CAP_NET_ADMIN = 1n << 12n;

/** A program as an ordinary user with one capability. */
const confined = (capability: string, ...command: string[]): string[] => {
  const only = `-all,+${capability}`;
  const ids = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  return ["setpriv", ...ids, `--inh-caps=${only}`, `--ambient-caps=${only}`, `--bounding-set=${only}`, ...command];
};

/** What the process may do, from the kernel's own mouth. */
function rightsOf(pid: number): { uid: number; effective: bigint; bounding: bigint } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => status.match(new RegExp(`^${name}:\\s+(\\S+)`, "m"))![1]!;
  return {
    uid: Number(field("Uid")),
    effective: BigInt(`0x${field("CapEff")}`),
    bounding: BigInt(`0x${field("CapBnd")}`),
  };
}

scenario(
  "least privilege: who parses the network can't change the kernel, and who changes the kernel hears one socket",
  [],
  async ({ lab, step }) => {
    const between = lab.switch("net");
    const left = lab.host("left").plug(between, { addresses: ["10.9.0.1/24"] });
    const right = lab.host("right").plug(between, { addresses: ["10.9.0.2/24"] });
    for (const directory of [lab.directory, left.directory]) chmodSync(directory, 0o777);
    const socket = join(left.directory, "writer.sock");
    const control = join(left.directory, "peerage.sock");
    const config = left.file(
      "peerage.yaml",
      `
router: {as: 65001, address: 10.9.0.1, router-id: 10.9.0.1}
originate: [{prefix: 172.20.1.0/24, blackhole: true}]
neighbors: [{address: 10.9.0.2, remote-as: internal, ${ourTimers}}]
kernel: {writer: ${socket}}
control: {socket: ${control}}
`,
    );
    const start = (host: Host, name: string, capability: string, ...words: string[]) =>
      new Daemon(host, name, confined(capability, process.execPath, ...words));
    const writer = start(left, "writer", "net_admin", join(sources, "fib-writer-main.js"), "--socket", socket);
    await lab.until("the writer listens", () => {
      chmodSync(socket, 0o660);
      return true;
    });
    const speaker = start(left, "speaker", "net_bind_service", join(sources, "main.js"), "run", "-c", config);
    await lab.until("the speaker is ready", () => speaker.output.includes("ready"));
    await new Peerage(
      right,
      `
router: {as: 65001, address: 10.9.0.2, router-id: 10.9.0.2}
originate: [{prefix: 172.20.2.0/24, blackhole: true}]
neighbors: [{address: 10.9.0.1, remote-as: internal, ${ourTimers}}]
`,
    ).start();

    await step("routes arrive in the kernel", async () => {
      await lab.until("both routes", async () => (await left.kernelRoutes("bgp")).length === 2);
    });
    await step("the speaker may bind to port 179, and nothing else", async (t) => {
      t.match(rightsOf(speaker.pid), { uid: NOBODY, effective: CAP_NET_BIND_SERVICE, bounding: CAP_NET_BIND_SERVICE });
    });
    await step("the writer may change the network's set-up, and nothing else", async (t) => {
      t.match(rightsOf(writer.pid), { uid: NOBODY, effective: CAP_NET_ADMIN, bounding: CAP_NET_ADMIN });
    });
    await step("the control socket is for its owner and group", async (t) => {
      t.equal((await left.run("stat", "-c", "%a", control)).trim(), "660");
    });
    await step("a writer that is killed and started again finds the routes, and the speaker goes on", async (t) => {
      await writer.signal("SIGKILL");
      await left.run("ip", "route", "del", "172.20.2.0/24", "proto", "bgp");
      start(left, "writer again", "net_admin", join(sources, "fib-writer-main.js"), "--socket", socket);
      await lab.until("the lost route is back", async () => (await left.kernelRoutes("bgp")).length === 2);
      t.equal(speaker.ended, null);
    });
  },
);
