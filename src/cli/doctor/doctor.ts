import { ApiError, ControlClient } from "../../api/client.ts";
import { ConfigErrors, formatPlace } from "../../config/errors.ts";
import { loadConfig } from "../../config/load.ts";
import type { Config } from "../../config/model.ts";
import { escapedJson, escapeText } from "../../lib/escape.ts";
import type { Clash, FibRow, Summary, TunnelRow } from "../../view/model.ts";
import { socketOf } from "../daemon-commands.ts";
import { type CliIo, Exit } from "../io.ts";
import { configChecks } from "./config-checks.ts";
import { daemonFindings } from "./daemon-checks.ts";
import * as host from "./host-checks.ts";
import { type Finding, fail, type HostProbe, thisProbe, warn } from "./probe.ts";
import { tcpDrops } from "./tcp-drops.ts";

export interface DoctorOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly socket?: string;
}

/** `peerage doctor`: everything on this host that could keep a speaker from working; 3 if something does. */
export async function doctor(options: DoctorOptions, io: CliIo, probe: HostProbe = thisProbe()): Promise<number> {
  const findings = await examine(options, io, probe);
  const healthy = findings.every((finding) => finding.status !== "fail");
  await io.out(options.json ? `${escapedJson({ healthy, checks: findings })}\n` : format(findings));
  return healthy ? Exit.done : Exit.unhealthy;
}

async function examine(options: DoctorOptions, io: CliIo, probe: HostProbe): Promise<Finding[]> {
  const { config, findings } = read(options.config);
  const daemon = await askDaemon(options, config, io);
  const situation: host.Situation = { probe, config, running: daemon.running, neighborDown: daemon.neighborDown };
  return [
    ...findings,
    ...(config ? configChecks(config, probe) : []),
    host.nodeVersion(situation),
    host.capabilities(situation),
    ...(await host.ports(situation)),
    ...host.forwarding(situation),
    ...host.reversePathFilter(situation),
    ...host.mtu(situation),
    ...host.ipv6(situation),
    ...host.optionMemory(situation),
    ...host.openFiles(situation),
    ...(await tcpDrops(situation)),
    ...host.time(situation),
    ...daemon.findings,
  ];
}

function read(file: string | undefined): { config: Config | null; findings: Finding[] } {
  if (file === undefined) return { config: null, findings: [] };
  try {
    return { config: loadConfig(file), findings: [] };
  } catch (error) {
    if (!(error instanceof ConfigErrors)) throw error;
    const findings = error.errors.map(({ place, message }) =>
      fail(
        "config",
        `${formatPlace(place)}: ${message}`,
        "the daemon would refuse this file; see docs/configuration.md",
      ),
    );
    return { config: null, findings };
  }
}

/** What a running daemon says of itself; without one there is nothing to say. */
async function askDaemon(
  options: DoctorOptions,
  config: Config | null,
  io: CliIo,
): Promise<{ running: boolean; neighborDown: boolean; findings: Finding[] }> {
  // A config names the daemon it is about, unless somebody says otherwise.
  const named = options.socket !== undefined || io.environment("PEERAGE_SOCKET");
  const client = new ControlClient(config && !named ? config.control.socket : socketOf(options, io));
  try {
    const summary = await client.get<Summary>("/summary");
    const { routes } = await client.get<{ routes: FibRow[] }>("/fib");
    const { tunnels } = await client.get<{ tunnels: TunnelRow[] }>("/tunnels");
    const { clashes } = await client.get<{ clashes: Clash[] }>("/clashes");
    return {
      running: true,
      neighborDown: summary.neighbors.some(({ state }) => state !== "Established"),
      findings: daemonFindings(summary, routes, tunnels, clashes),
    };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return {
      running: false,
      neighborDown: false,
      findings: [warn("daemon", error.message, "start it: peerage run -c FILE")],
    };
  }
}

function format(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map((finding) => finding.name.length));
  const lines = findings.flatMap(({ status, name, text, remedy }) => [
    `${status.padEnd(4)}  ${name.padEnd(width)}  ${escapeText(text)}`,
    ...(remedy === null ? [] : [`${" ".repeat(width + 8)}${escapeText(remedy)}`]),
  ]);
  const count = (status: Finding["status"]) => findings.filter((finding) => finding.status === status).length;
  return `${lines.join("\n")}\n\n${count("ok")} ok, ${count("warn")} to look at, ${count("fail")} wrong\n`;
}
