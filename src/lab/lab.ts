import type { ChildProcess } from "node:child_process";
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FibRow, Summary } from "../view/model.ts";
import { claim, DIRECTORY_PREFIX, makeRoom } from "./leftovers.ts";
import { LoopbackStage } from "./loopback-stage.ts";
import { NamespaceStage } from "./namespace-stage.ts";
import { type HostPlan, type LabPlan, planLab, type Stage } from "./plan.ts";
import { changedFacts, factsOf, type HostState, renderLab } from "./screen.ts";
import type { LabStage } from "./stage.ts";
import { defaultTopology } from "./topology.ts";
import { readTopology } from "./topology-file.ts";

/**
 * The lab room: several daemons on one machine, each a process of its own that nothing here reaches into. A topology (`topology-file.ts`)
 * becomes a plan (`plan.ts`, pure: addresses, configs), a stage builds it (`namespace-stage.ts` as root, `loopback-stage.ts` else),
 * and the screen (`screen.ts`) shows what the daemons answer on their control sockets. What a killed lab left goes with the next
 * (`leftovers.ts`).
 */
export interface LabOptions {
  /** A topology file; null: the lectures' two racks. */
  readonly file: string | null;
  /** Loopback and in-memory FIBs also as root. */
  readonly noRoot: boolean;
  /** The program that every host runs, as "node" and its first argument. */
  readonly program: readonly [string, string];
  /** Asks a running speaker; rejects while it doesn't answer. */
  ask(socket: string, path: string): Promise<unknown>;
  say(text: string): void;
}

/** A lab that isn't up after this long says what it waits for, and goes on waiting. */
const PATIENCE_MS = 20_000;
const LOOK_EVERY_MS = 500;

/** Brings a topology up, shows it live until `stopped`, and cleans up. Resolves to the exit code. */
export async function runLab(options: LabOptions, stopped: Promise<void>): Promise<number> {
  const stage: Stage = process.getuid?.() === 0 && !options.noRoot ? "namespaces" : "loopback";
  const topology = options.file === null ? defaultTopology : readTopology(options.file);
  makeRoom(stage);
  const directory = mkdtempSync(join(tmpdir(), DIRECTORY_PREFIX));
  claim(directory, stage);
  const plan = planLab(topology, stage, directory);
  const lab = new Lab(plan, stage, directory, options);
  try {
    lab.start();
    return await lab.watch(stopped);
  } finally {
    await lab.stop();
  }
}

class Lab {
  readonly #plan: LabPlan;
  readonly #stage: LabStage;
  readonly #kind: Stage;
  readonly #directory: string;
  readonly #options: LabOptions;
  readonly #children = new Map<string, ChildProcess>();
  #stopping = false;

  constructor(plan: LabPlan, kind: Stage, directory: string, options: LabOptions) {
    this.#plan = plan;
    this.#kind = kind;
    this.#directory = directory;
    this.#options = options;
    this.#stage = kind === "namespaces" ? new NamespaceStage(plan, "peerage-lab-") : new LoopbackStage();
  }

  start(): void {
    const { say } = this.#options;
    const nodes = this.#plan.hosts.length;
    say(
      this.#kind === "namespaces"
        ? `Building ${nodes} hosts as network namespaces; logs and sockets are in ${this.#directory}`
        : `Starting ${nodes} speakers on loopback addresses, FIBs in memory; logs and sockets are in ${this.#directory}`,
    );
    mkdirSync(this.#directory, { recursive: true });
    this.#stage.build();
    for (const host of this.#plan.hosts) this.#startHost(host);
  }

  #startHost(host: HostPlan): void {
    const config = join(this.#directory, `${host.name}.yaml`);
    const log = createWriteStream(join(this.#directory, `${host.name}.log`), { flags: "a" });
    writeFileSync(config, host.config);
    const [command, script] = this.#options.program;
    const child = this.#stage.spawn(host.name, command, [script, "run", "-c", config]);
    child.stdout?.pipe(log);
    child.stderr?.pipe(log);
    let words = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      words = chunk.toString().trim() || words;
    });
    child.on("exit", () => this.#children.delete(host.name));
    child.on("close", (code, signal) => {
      if (!this.#stopping)
        this.#options.say(
          `${host.name} ended (${signal ?? `exit code ${code}`})${words === "" ? `; its log: ${join(this.#directory, `${host.name}.log`)}` : `: ${words}`}`,
        );
    });
    this.#children.set(host.name, child);
  }

  /** Shows the lab as it comes up, then every change, until `stopped` or until nobody is left. Resolves to the exit code. */
  async watch(stopped: Promise<void>): Promise<number> {
    const { say } = this.#options;
    let over = false;
    const end = stopped.then(() => {
      over = true;
    });
    const startedAt = performance.now();
    let shown: Map<string, string> | null = null;
    let patient = true;
    while (!over) {
      const states = await this.#look();
      if (this.#children.size === 0 && !over) {
        say("None of the speakers runs any more.");
        return 1;
      }
      const seconds = (performance.now() - startedAt) / 1000;
      if (shown === null && this.#isComplete(states)) {
        say(`\n${renderLab(states)}\n\nEverything is up after ${seconds.toFixed(1)} s: every host knows every block.`);
        this.#sayHow();
        shown = factsOf(states);
      } else if (shown !== null) {
        const now = factsOf(states);
        const time = new Date().toISOString().slice(11, 19);
        for (const line of changedFacts(shown, now)) say(`${time} ${line}`);
        shown = now;
      } else if (patient && seconds * 1000 > PATIENCE_MS) {
        patient = false;
        say(
          `\n${renderLab(states)}\n\nStill waiting for sessions or routes; this is how it stands after ${seconds.toFixed(0)} s.`,
        );
      }
      await Promise.race([end, new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))]);
    }
    return 0;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#options.say("Stopping the lab.");
    await Promise.all(
      [...this.#children.values()].map(
        (child) =>
          new Promise<void>((resolve) => {
            const hard = setTimeout(() => child.kill("SIGKILL"), 5000);
            child.once("exit", () => {
              clearTimeout(hard);
              resolve();
            });
            child.kill("SIGTERM");
          }),
      ),
    );
    this.#stage.remove();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Every session is up, and every host has a way to every block but its own. */
  #isComplete(states: readonly HostState[]): boolean {
    const blocks = this.#plan.hosts.flatMap((host) => host.block ?? []);
    return states.every(
      ({ host, summary, fib }) =>
        summary !== null &&
        fib !== null &&
        summary.neighbors.length > 0 &&
        summary.neighbors.every((neighbor) => neighbor.state === "Established") &&
        blocks.every(
          (block) => block === host.block || fib.some((row) => row.prefix === block && row.state === "installed"),
        ),
    );
  }

  async #look(): Promise<HostState[]> {
    return Promise.all(
      this.#plan.hosts.map(async (host): Promise<HostState> => {
        try {
          const summary = (await this.#options.ask(host.socket, "/summary")) as Summary;
          const fib = (await this.#options.ask(host.socket, "/fib")) as { routes: FibRow[] };
          return { host, summary, fib: fib.routes };
        } catch {
          return { host, summary: null, fib: null };
        }
      }),
    );
  }

  #sayHow(): void {
    const { say, program } = this.#options;
    const first = this.#plan.hosts.find((host) => host.role === "node")!;
    const last = this.#plan.hosts.findLast((host) => host.role === "node")!;
    const call = program.join(" ");
    say(`\nAsk any of them (sockets: ${this.#plan.hosts.map((host) => host.name).join(", ")}):`);
    say(`  ${call} summary --socket ${first.socket}`);
    say(`  ${call} explain ${last.block} --socket ${first.socket}`);
    if (this.#stage instanceof NamespaceStage) {
      say("Look at a kernel, and ping a workload in another rack:");
      say(`  ip -n ${this.#stage.namespaceOf(first.name)} route show proto bgp`);
      say(`  ip netns exec ${this.#stage.workloadNamespaceOf(first.name)} ping -c 3 ${last.workload!.address}`);
      say("Pull a node's cable, and watch its block go once the reflector has heard nothing for 9 s, and come back:");
      say(`  ${this.#stage.cableOf(last)} down    (and up again)`);
    }
    say("Changes are shown as they happen. Ctrl-C ends the lab and removes everything.");
  }
}
