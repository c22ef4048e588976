import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Namespace } from "../net/namespace.ts";
import { root } from "../paths.ts";
import type { Farm, FarmCounts } from "./farm.ts";
import type { Answer, Order } from "./host.ts";
import type { Plan, PlannedNode } from "./plan.ts";

/** Sockets that one process takes: the usual limit is 20,000 open files. */
const SOCKETS_PER_PROCESS = 9000;

/** Peerage speakers, as many to a process as open files allow. */
export class OurFarm implements Farm {
  readonly label = "Peerage";
  readonly #place: Namespace;
  #hosts: ChildProcess[] = [];
  #ranges: number[] = [];

  constructor(place: Namespace) {
    this.#place = place;
  }

  async build(plan: Plan): Promise<void> {
    const ends = plan.sessions * 2;
    const processes = Math.max(1, Math.ceil(ends / SOCKETS_PER_PROCESS));
    this.#ranges = Array.from({ length: processes }, (_, i) => Math.ceil((plan.nodes.length * (i + 1)) / processes));
    this.#hosts = await Promise.all(this.#ranges.map(() => this.#spawn()));
    await Promise.all(
      this.#hosts.map((host, i) => {
        const nodes = plan.nodes.slice(i === 0 ? 0 : this.#ranges[i - 1]!, this.#ranges[i]!);
        return ask(host, { do: "build", nodes });
      }),
    );
  }

  /** One process after the other: whom a node dials, listens already. */
  async start(): Promise<void> {
    for (const host of this.#hosts) await ask(host, { do: "start" });
  }

  async held(routes: number, timeoutMs: number): Promise<number> {
    const answers = await Promise.all(this.#hosts.map((host) => ask(host, { do: "held", routes, timeoutMs })));
    return Math.max(...answers.map((answer) => answer.atMs!));
  }

  async join(node: PlannedNode): Promise<void> {
    const host = this.#hosts.at(-1)!;
    await ask(host, { do: "build", nodes: [node] });
    await ask(host, { do: "start" });
  }

  async announce(index: number, announced: boolean): Promise<void> {
    const host = this.#hosts[this.#ranges.findIndex((end) => index < end)] ?? this.#hosts.at(-1)!;
    await ask(host, { do: "announce", index, announced });
  }

  async counts(): Promise<FarmCounts> {
    const all = await Promise.all(this.#hosts.map((host) => ask(host, { do: "counts" })));
    const sum = (pick: (answer: Answer) => number) => all.reduce((total, answer) => total + pick(answer), 0);
    return { messagesSent: sum((a) => a.messagesSent!), updatesSent: sum((a) => a.updatesSent!) };
  }

  pids(): number[] {
    return this.#hosts.map((host) => host.pid!);
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#hosts.map((host) => {
        const gone = new Promise((resolve) => host.once("exit", resolve));
        host.kill("SIGKILL");
        return gone;
      }),
    );
  }

  async #spawn(): Promise<ChildProcess> {
    const [command, ...args] = this.#place.inside([process.execPath, join(root, "dist/bench/scaling/host.js")]);
    const host = spawn(command!, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    await next(host);
    return host;
  }
}

/** The next message of a child. */
function next(host: ChildProcess): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const exited = () => reject(new Error("a process of the farm has ended"));
    host.once("exit", exited);
    host.once("message", (answer: Answer) => {
      host.off("exit", exited);
      if (answer.error === undefined) resolve(answer);
      else reject(new Error(answer.error));
    });
  });
}

function ask(host: ChildProcess, order: Order): Promise<Answer> {
  const answer = next(host);
  host.send(order);
  return answer;
}
