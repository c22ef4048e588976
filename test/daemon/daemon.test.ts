import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { relative } from "node:path";
import { cwd } from "node:process";
import t from "tap";
import type { ChangeReport, Summary } from "../../src/view/model.ts";
import { waitFor } from "../../testbed/wait.ts";
import { configure, directory, start } from "./program.ts";

const neighborOf = (address: string, local: string) =>
  `neighbors: [{address: ${address}, port: 1790, remote-as: internal, local-address: ${local}}]\n`;

t.test("two daemons find each other, answer the command line, and end by SIGTERM with 0", async (t) => {
  const folder = directory(t);
  const a = configure(t, "", folder);
  const b = configure(t, "", folder);
  a.write(`${neighborOf(b.address, a.address)}telemetry: {metrics: {listen: "${a.address}:9179"}}\n`);
  b.write(
    `${neighborOf(a.address, b.address)}telemetry: {log: {level: error, format: json}}\noriginate: [{prefix: 172.17.9.0/24}]\n`,
  );
  const first = start(t, "run", "-c", a.file);
  const second = start(t, "run", "-c", b.file);
  t.match(
    await first.until(/ready/),
    new RegExp(`ready: AS 65001, router-id 10\\.0\\.0\\.\\d+, listening on ${a.address} port 1790`),
  );
  t.match(
    JSON.parse((await second.until(/ready.*\n/)).split("\n")[0]!),
    { event: "ready", level: "info" },
    "whatever the level",
  );
  await first.until(/established/);
  t.match(await a.client.get<Summary>("/summary"), { neighbors: [{ address: b.address, state: "Established" }] });
  const summary = start(t, "sum", "--check", "--socket", a.socket);
  t.equal(await summary.ended, 0);
  t.match(summary.output(), /1 neighbor, 1 established/);
  const metrics = await (await fetch(`http://${a.address}:9179/metrics`)).text();
  t.match(metrics, `bgp_peer_up{peer="${b.address}",remote_as="65001"} 1\n`);
  t.match(metrics, /bgp_convergence_seconds_count\{to="peers"\} \d+\n/);
  for (const daemon of [first, second]) daemon.process.kill("SIGTERM");
  t.same(await Promise.all([first.ended, second.ended]), [0, 0]);
  t.notOk(existsSync(a.socket), "the control socket is gone");
});

t.test(
  "a second daemon on the same socket refuses to start, in one sentence, and the first does not notice",
  async (t) => {
    const { file, socket, client } = configure(t);
    const first = start(t, "run", "-c", file);
    await first.until(/ready/);
    const second = start(t, "run", "-c", file);
    t.equal(await second.ended, 1);
    t.equal(
      second.output(),
      `peerage: Another daemon is running: it answers on ${socket} (control.socket chooses another path)\n`,
    );
    await client.get("/summary");
    first.process.kill("SIGINT");
    t.equal(await first.ended, 0);
  },
);

t.test("a killed daemon leaves its socket, and the next one takes it over", async (t) => {
  const { file, socket, client } = configure(t);
  const first = start(t, "run", "-c", file);
  await first.until(/ready/);
  first.process.kill("SIGKILL");
  await first.ended;
  t.ok(existsSync(socket));
  await start(t, "run", "-c", file).until(/ready/);
  await client.get("/summary");
});

t.test("a BGP port or a metrics port in use ends the start with 1 and one sentence", async (t) => {
  const bgp = configure(t);
  const other = createServer().listen(1790, bgp.address);
  await once(other, "listening");
  t.teardown(() => other.close());
  const refused = start(t, "run", "-c", bgp.file);
  t.equal(await refused.ended, 1);
  t.match(refused.output(), new RegExp(`^peerage: .*${bgp.address}.*1790.*\n$`));
  const metrics = configure(t, `telemetry: {metrics: {listen: "${bgp.address}:1790"}}\n`);
  const unheard = start(t, "run", "-c", metrics.file);
  t.equal(await unheard.ended, 1);
  t.equal(unheard.output(), `peerage: Cannot serve metrics on ${bgp.address} port 1790: somebody else listens there\n`);
});

t.test("a bad config is refused with 2 and every place; a bad reload changes nothing", async (t) => {
  const bad = start(t, "run", "-c", "test/config/broken/01-timers.yaml");
  t.equal(await bad.ended, 2);
  t.match(bad.output(), /^test\/config\/broken\/01-timers\.yaml:9:18: Cannot use hold-time/);

  const { file, write, client, socket } = configure(t);
  const daemon = start(t, "run", "-c", file);
  await daemon.until(/ready/);
  write("neighbors: [{address: 127.0.0.9}]\n");
  daemon.process.kill("SIGHUP");
  t.match(
    await daemon.until(/reload-refused.*\n/),
    /the old config stays: .*\.yaml:4:13: Missing remote-as of neighbor "127\.0\.0\.9"/,
  );
  const reload = start(t, "reload", "--socket", socket);
  t.equal(await reload.ended, 2);
  t.match(reload.output(), /^\/.*\.yaml:4:13: Missing remote-as of neighbor "127\.0\.0\.9"/);
  t.same((await client.get<Summary>("/summary")).neighbors, []);
  write("neighbors: [{address: 127.0.0.9, remote-as: internal, passive: true}]\ntelemetry: {log: {format: json}}\n");
  daemon.process.kill("SIGHUP");
  await daemon.until(/"event":"reload"/);
  t.match(await client.get<Summary>("/summary"), { neighbors: [{ address: "127.0.0.9" }] });
});

t.test("metrics come and go with a reload", async (t) => {
  const { file, write, socket, address } = configure(t);
  await start(t, "run", "-c", file).until(/ready/);
  const reload = async () => t.equal(await start(t, "reload", "--socket", socket).ended, 0);
  write(`telemetry: {metrics: {listen: "${address}:9179"}}\n`);
  await reload();
  t.match(await (await fetch(`http://${address}:9179/metrics`)).text(), /bgp_build_info/);
  write("");
  await reload();
  await t.rejects(fetch(`http://${address}:9179/metrics`));
});

/** Until the process catches SIGHUP (bit 0 of SigCgt, proc_pid_status(5)): from then on none kills it. */
async function catchesSignals(pid: number): Promise<void> {
  const caught = () => BigInt(`0x${/^SigCgt:\s*(\w+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]}`);
  await waitFor("it catches SIGHUP", () => (caught() & 1n) === 1n, { everyMs: 1 });
}

t.test("a command takes a signal that came while it was loading as any program does", async (t) => {
  const { socket } = configure(t);
  const silent = createServer().listen(socket);
  await once(silent, "listening");
  t.teardown(() => silent.close());
  const command = start(t, "summary", "--socket", socket);
  await catchesSignals(command.process.pid!);
  command.process.kill("SIGTERM");
  await command.ended;
  t.equal(command.process.signalCode, "SIGTERM");
});

t.test("a reload logs what changed, change by change, and places keep the name that the file was given", async (t) => {
  const { write, client, file } = configure(t);
  const config = (verdict: string, more: string) => `policies: {in: [{then: ${verdict}}]}
neighbors: [{address: 127.0.0.9, remote-as: 65002, passive: true, import-policy: in, ${more}}]
`;
  write(`${config("accept", "description: gateway")}originate: [{prefix: 10.1.0.0/24}]\n`);
  const daemon = start(t, "run", "-c", relative(cwd(), file));
  const place = `${relative(cwd(), file)}:5:13`;
  await daemon.until(/ready/);
  t.match(daemon.output(), `place=${place}`);
  write(`${config("reject", "timers: {hold-time: 30}")}tunnels: [{kind: ipip}]\n`);
  const report = await client.post<ChangeReport>("/reload");
  t.match(report.warnings, [new RegExp(`^${place}: Without export-policy`)]);
  const log = await daemon.until(/tunnels.*\n/);
  t.same(
    log.split("\n").flatMap((line) => /(INFO|WARN) +reload: .*/.exec(line)?.[0] ?? []),
    [
      "INFO  reload: took on the config again added=0 removed=0 restarted=1 changed=0 unchanged=0",
      'INFO  reload: neighbor 127.0.0.9 restarts: timers.hold-time: 90 -> 30; timers.keepalive: 30 -> 10; description: gateway -> ""; import-policy: in -> in as rewritten',
      "INFO  reload: own prefix 10.1.0.0/24 removed",
      "INFO  reload: policy in changed",
      "INFO  reload: tunnels: none -> {kind: ipip, device: tunl0, mtu: auto, when: cross-subnet, vni: 0, port: 0}",
    ],
  );
  write("neighbors: [{}]\n");
  await t.rejects(client.post("/reload"), { errors: [{ place: `${file}:4:13` }] }, "who is told may stand elsewhere");
});

t.test("signals that come while the daemon starts or ends do what they should, and never kill it", async (t) => {
  const early = configure(t);
  const daemon = start(t, "run", "-c", early.file);
  await catchesSignals(daemon.process.pid!);
  const tookAgain = () => daemon.process.kill("SIGHUP") && /took on the config again/.test(daemon.output());
  await waitFor("it has taken the config on again", tookAgain, { everyMs: 1, seen: daemon.output });
  t.match(daemon.output(), /ready/);
  for (let i = 0; i < 20; i++) daemon.process.kill("SIGHUP");
  daemon.process.kill("SIGTERM");
  for (let i = 0; i < 20; i++) daemon.process.kill("SIGHUP");
  t.equal(await daemon.ended, 0);
  t.notOk(existsSync(early.socket));
});

t.test("a neighbor that is down can't be asked for its routes again, which is said (exit code 1)", async (t) => {
  const { file, socket } = configure(t, "neighbors: [{address: 127.77.250.250, remote-as: internal, passive: true}]\n");
  const daemon = start(t, "run", "-c", file);
  await daemon.until(/ready/);
  for (const [way, why] of [
    ["in", /127\.77\.250\.250 is down: it tells its routes when it comes up/],
    ["out", /127\.77\.250\.250 is down: it is told all routes when it comes up/],
  ] as const) {
    const reset = start(t, "reset", "127.77.250.250", "--soft", way, "--socket", socket);
    t.equal(await reset.ended, 1);
    t.match(reset.output(), why);
  }
});
