import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Namespace } from "../net/namespace.ts";
import { type Farm, type FarmCounts, monotonicMs } from "./farm.ts";
import { addressOf, type Plan, type PlannedNode, RANGE } from "./plan.ts";

interface Bird {
  readonly node: PlannedNode;
  process: ChildProcess | null;
}

/** BIRD as every node, a process each, asked over its control socket. */
export class BirdFarm implements Farm {
  readonly label = "BIRD";
  readonly #place: Namespace;
  readonly #folder = mkdtempSync(join(tmpdir(), "peerage-bench-birds-"));
  #birds: Bird[] = [];

  constructor(place: Namespace) {
    this.#place = place;
  }

  async build(plan: Plan): Promise<void> {
    for (const node of plan.nodes) this.#add(node);
  }

  async start(): Promise<void> {
    for (const bird of this.#birds) {
      if (bird.process !== null) continue;
      const path = this.#path(bird.node.index);
      const argv = ["bird", "-f", "-c", `${path}.conf`, "-s", `${path}.ctl`, "-P", `${path}.pid`];
      const [command, ...args] = this.#place.inside(argv);
      bird.process = spawn(command!, args, { stdio: "ignore" });
    }
  }

  async held(routes: number, timeoutMs: number): Promise<number> {
    const deadline = monotonicMs() + timeoutMs;
    let open = this.#birds;
    for (;;) {
      const still: Bird[] = [];
      for (const bird of open) {
        const words = await this.#ask(bird.node.index, "show route count").catch(() => "");
        if (Number(/for (\d+) networks in table master4/.exec(words)?.[1]) !== routes) still.push(bird);
      }
      const now = monotonicMs();
      if (still.length === 0) return now;
      if (now > deadline) throw new Error(`${still.length} nodes don't hold all ${routes} routes`);
      open = still;
      await sleep(5);
    }
  }

  async join(node: PlannedNode): Promise<void> {
    this.#add(node);
    await this.start();
  }

  async announce(index: number, announced: boolean): Promise<void> {
    await this.#ask(index, announced ? "enable own" : "disable own");
  }

  async counts(): Promise<FarmCounts> {
    return { messagesSent: null, updatesSent: null };
  }

  pids(): number[] {
    return this.#birds.flatMap(({ process }) => process?.pid ?? []);
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#birds.map(async ({ process }) => {
        if (process === null || process.exitCode !== null) return;
        const gone = new Promise((resolve) => process.once("exit", resolve));
        process.kill("SIGKILL");
        await gone;
      }),
    );
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #add(node: PlannedNode): void {
    writeFileSync(`${this.#path(node.index)}.conf`, this.#configuration(node));
    this.#birds.push({ node, process: null });
  }

  #path(index: number): string {
    return join(this.#folder, String(index));
  }

  #ask(index: number, words: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(`${this.#path(index)}.ctl`, () => socket.write(`${words}\n`));
      let answer = "";
      socket.setEncoding("utf8").on("data", (text: string) => {
        answer += text;
        // The greeting, then an answer whose last line has a space behind its code.
        if (!/^0001 [^\n]*\n(?:[^\n]*\n)*?\d{4} [^\n]*\n/.test(answer)) return;
        socket.end();
        resolve(answer);
      });
      socket.on("error", reject);
      socket.setTimeout(5000, () => socket.destroy(new Error("BIRD does not answer")));
    });
  }

  /** As `speakerConfig`: whom it dials, and a range for the others. The first route has a protocol of its own, to flap. */
  #configuration(node: PlannedNode): string {
    const session = (name: string, neighbor: string, ...options: string[]) => `
protocol bgp ${name} {
  local ${node.address} as ${node.as};
  neighbor ${neighbor} as ${node.as};
  strict bind;
  connect retry time 1;
  connect delay time 1;
  hold time 90;
  ${options.join("\n  ")}
  ipv4 { import all; export where source ~ [RTS_BGP, RTS_STATIC]; igp table local4; };
}`;
    const statics = (name: string, routes: readonly string[]) =>
      `protocol static ${name} { ipv4; ${routes.map((prefix) => `route ${prefix} blackhole;`).join(" ")} }`;
    const client = node.reflector ? `rr client; rr cluster id ${node.address};` : "";
    return `
router id ${node.address};
protocol device { scan time 3600; }
ipv4 table local4;
protocol direct { ipv4 { table local4; }; }
${statics("own", node.routes.slice(0, 1))}
${statics("others", node.routes.slice(1))}
${node.dials.map((index) => session(`to${index}`, addressOf(index))).join("")}
${node.expects.map((index) => session(`from${index}`, addressOf(index), "passive;")).join("")}
${session("clients", `range ${RANGE}`, "passive;", 'dynamic name "dyn";', client)}
`;
  }
}
