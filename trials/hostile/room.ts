import type { Host } from "../../testbed/lab.ts";
import { Patience } from "../../testbed/pace.ts";
import { cpuMsOf, memoryOf } from "../../testbed/process.ts";
import { type Introduction, openOf } from "../../testbed/speaker/introduction.ts";
import { attribute, ipv4, keepalive, nlri4, sequence, u32, update } from "../../testbed/speaker/octets.ts";
import { Pulse } from "../../testbed/speaker/pulse.ts";
import { ScriptedSpeaker } from "../../testbed/speaker/scripted-speaker.ts";
import type { HostileCase, Step } from "./case.ts";
import { goodUpdates, groundOf, nlri6, originMark, type Prefixes, prefixesOf } from "./ground.ts";
import type { Outcome } from "./judge.ts";
import { bystanderAs, type Driver, dutAs, type Lane, type Subject } from "./lane.ts";

/** Routes of witness and bystander that must be there whatever the attacker does. */
const stableRoutes = 20;
/** A daemon that has not shown a good route in this time is stuck. */
const routeMs = 5_000;

/**
 * One daemon and everybody around it: a witness (internal, reflector client), a bystander (external), and an attacker that is new for
 * each case. The daemon runs on from case to case; it is started afresh when a case has killed it or ended another session.
 */
export class Room {
  readonly driver: Driver;
  readonly host: Host;
  readonly lane: Lane;
  readonly #pulse = new Pulse();
  readonly #used = { internal: 0, external: 0 };
  #subject: Subject | null = null;
  #witness!: ScriptedSpeaker;
  #bystander!: ScriptedSpeaker;
  readonly #settleMs: number;
  #lost = 0;
  #prefixes = 0;
  starts = 0;
  /** The daemon's memory when it was last started and everybody was up, and the most that it ever had, in KB. */
  idleKb = 0;
  peakKb = 0;
  /** CPU share in percent of two seconds in which nothing happened, after the first start. */
  idlePercent = 0;

  /** @param settleMs how long to look on once the marker has arrived: what a daemon may still have under way. */
  constructor(driver: Driver, host: Host, lane: Lane, settleMs: number) {
    this.driver = driver;
    this.host = host;
    this.lane = lane;
    this.#settleMs = settleMs;
  }

  get subject(): Subject | null {
    return this.#subject;
  }

  /** CPU time that the daemon has used, and the memory that it has. */
  figures(): { cpuMs: number; kb: number } {
    const pid = this.#subject?.pid ?? 0;
    return { cpuMs: cpuMsOf(pid), kb: memoryOf(pid).now };
  }

  /** Starts the daemon and brings witness and bystander up. */
  async start(): Promise<void> {
    this.stop();
    this.#used.internal = this.#used.external = 0;
    this.starts++;
    this.#subject = await this.driver.start(this.host, this.lane);
    await this.#bringUp(30_000);
    if (this.starts === 1) {
      const before = this.figures().cpuMs;
      const began = performance.now();
      await this.#pulse.rest(2_000);
      this.idlePercent = (100 * (this.figures().cpuMs - before)) / (performance.now() - began);
    }
    this.idleKb = memoryOf(this.#subject.pid).now;
  }

  stop(): void {
    this.#witness?.reset();
    this.#bystander?.reset();
    this.#subject?.stop();
    this.#subject = null;
  }

  #peer(local: string, stable = ""): ScriptedSpeaker {
    const withdrawn = (prefix: string) => {
      if (stable !== "" && prefix.startsWith(stable)) this.#lost++;
    };
    return new ScriptedSpeaker({ from: local, to: this.lane.dut, pulse: this.#pulse, withdrawn });
  }

  async #bringUp(withinMs: number): Promise<void> {
    const { lane } = this;
    const patience = new Patience(withinMs / 1000);
    const connect = async (local: string, stable: string, who: Introduction): Promise<ScriptedSpeaker> => {
      for (;;) {
        const peer = this.#peer(local, stable);
        if (await peer.establish(who)) return peer;
        peer.reset();
        if (patience.over) throw new Error(`${this.driver.name} takes no session with ${local}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    };
    this.#witness = await connect(lane.witness, "30.", { as: dutAs, routerId: lane.witness });
    this.#bystander = await connect(lane.bystander, "31.", {
      as: bystanderAs,
      routerId: lane.bystander,
      extended: true,
    });
    const routes = (first: number) =>
      Array.from({ length: stableRoutes }, (_, i) => nlri4(`${first}.0.${i}.0/24`)).join("");
    const set = (path: string, nextHop: string, internal: boolean) => [
      attribute(0x40, 1, "00"),
      attribute(0x40, 2, path),
      attribute(0x40, 3, nextHop),
      ...(internal ? [attribute(0x40, 5, u32(100))] : []),
    ];
    this.#witness.send(update({ attributes: set("", ipv4(lane.witness), true), nlri: routes(31) }));
    this.#bystander.send(
      update({ attributes: set(sequence([bystanderAs]), ipv4(lane.bystander), false), nlri: routes(30) }),
    );
    const has = (peer: ScriptedSpeaker, start: string) =>
      [...peer.routes.keys()].filter((prefix) => prefix.startsWith(start)).length === stableRoutes;
    const told = () => has(this.#witness, "30.") && has(this.#bystander, "31.");
    if (!(await this.#pulse.until(told, withinMs)))
      throw new Error(`${this.driver.name} does not pass on what witness and bystander announce`);
  }

  /** Runs one case to its outcome, and puts the room in order again. */
  async run(hostile: HostileCase): Promise<Outcome> {
    if (this.#subject === null) await this.start();
    const before = performance.now();
    this.#lost = 0;
    const attackers: ScriptedSpeaker[] = [];
    let seen: { seen: string; told: Outcome["told"] };
    try {
      seen = await this.#attack(hostile, attackers);
    } finally {
      for (const peer of attackers) peer.reset();
    }
    const died = this.#subject!.daemons.some((daemon) => daemon.ended !== null);
    const touched = [
      ...(this.#witness.over ? [`witness ${endOf(this.#witness)}`] : []),
      ...(this.#bystander.over ? [`bystander ${endOf(this.#bystander)}`] : []),
    ];
    const lostRoutes = this.#lost;
    let hung = false;
    if (!died && touched.length > 0) {
      // Was it the sessions only, or is nobody at home any more?
      this.#witness.reset();
      this.#bystander.reset();
      hung = await this.#bringUp(15_000).then(
        () => false,
        () => true,
      );
    } else if (!died && seen.seen === "stuck") hung = !(await this.#answers());
    this.peakKb = Math.max(this.peakKb, memoryOf(this.#subject!.pid).peak);
    const outcome = {
      ...seen,
      died: died || hung,
      lastWords: died ? this.#lastWords() : hung ? "answers nobody any more" : "",
      touched,
      lostRoutes,
      milliseconds: performance.now() - before,
    };
    if (outcome.died || touched.length > 0) this.stop();
    return outcome;
  }

  /** Why the daemon says it has ended. */
  #lastWords(): string {
    const { daemons } = this.#subject!;
    const lines = daemons.flatMap((daemon) => daemon.output.split("\n"));
    const cause = lines.find((line) => /panic:|fatal|assert|abort|core dumped|error:.*signal/i.test(line));
    return (cause ?? daemons.find(({ ended }) => ended !== null)?.ended ?? "").trim().slice(0, 300);
  }

  /** Whether the daemon still takes a session and passes a route on. */
  async #answers(): Promise<boolean> {
    const local = this.#attackerAddress("internal");
    const { marker } = prefixesOf(this.#prefixes++);
    for (let attempt = 0; attempt < 2; attempt++) {
      const peer = this.#peer(local);
      const up = await peer.establish({ as: dutAs, routerId: local }, 10_000);
      if (up) peer.send(...goodUpdates(this.lane, "internal", true, nlri4(marker)));
      const told = up && (await this.#pulse.until(() => this.#witness.routes.has(marker), 10_000));
      peer.reset();
      if (told) return true;
    }
    return false;
  }

  #attackerAddress(kind: "internal" | "external"): string {
    const index = this.#used[kind]++;
    return kind === "internal" ? this.lane.internal(index) : this.lane.external(index);
  }

  async #attack(hostile: HostileCase, attackers: ScriptedSpeaker[]): Promise<{ seen: string; told: Outcome["told"] }> {
    const { lane } = this;
    const pulse = this.#pulse;
    const witness = this.#witness;
    const { from, stage } = hostile;
    const prefixes = prefixesOf(this.#prefixes++);
    const fourOctetAs = hostile.open?.fourOctetAs ?? true;
    const ground = groundOf(lane, from, prefixes, fourOctetAs);
    const local = this.#attackerAddress(from);
    const who: Introduction = { as: ground.as, routerId: local, ...hostile.open };
    const nothing = (seen: string) => ({ seen, told: null });

    let attacker = this.#peer(local);
    attackers.push(attacker);
    // A daemon that has just lost a session with the same address may refuse the first try.
    if (!(await pulse.until(() => attacker.connected || attacker.over, 5_000)) || attacker.over) {
      attacker = this.#peer(local);
      attackers.push(attacker);
      if (!(await pulse.until(() => attacker.connected, 5_000))) return nothing("stuck");
    }
    if (stage !== "connected" && !(await pulse.until(() => attacker.open !== null || attacker.over, 5_000)))
      return nothing("stuck");
    if (stage === "confirm" || stage === "established") {
      attacker.send(openOf(who));
      if (!(await pulse.until(() => attacker.keepalivesReceived > 0 || attacker.over, 5_000))) return nothing("stuck");
      if (attacker.over) return nothing(endOf(attacker));
      if (lacks(attacker, hostile.needs)) return nothing("n/a");
    }
    const good = (nlri: string, nlriSix = "") =>
      goodUpdates(lane, from, fourOctetAs, hostile.open?.addPath ? withPathIds(nlri) : nlri, nlriSix);
    if (stage === "established") {
      attacker.send(
        keepalive,
        ...good(nlri4(prefixes.anchor) + nlri4(prefixes.target), nlri6(prefixes.anchor6) + nlri6(prefixes.target6)),
      );
      const all = [prefixes.anchor, prefixes.target, prefixes.anchor6, prefixes.target6];
      const told = () => all.every((prefix) => witness.routes.has(prefix));
      if (!(await pulse.until(() => told() || attacker.over, routeMs)) || !told())
        return nothing(attacker.over ? endOf(attacker) : "stuck");
    }

    await this.#steps(hostile.attack(ground), attacker, local, attackers);

    if (stage !== "established" && !attacker.over) {
      const answered = () => attacker.keepalivesReceived > 0 || attacker.over;
      if (!(await pulse.until(answered, hostile.waitMs))) return nothing("stuck");
      attacker.send(keepalive);
    }
    if (hostile.marker && !attacker.over) attacker.send(...good(nlri4(prefixes.marker)));
    const marked = () => witness.routes.has(prefixes.marker);
    await pulse.until(() => marked() || attacker.over, hostile.waitMs);
    await pulse.rest(this.#settleMs);
    if (attacker.over) return nothing(endOf(attacker));
    if (hostile.marker && !marked()) return nothing("stuck");
    if (stage !== "established") return nothing(hostile.marker ? "up" : "stuck");
    return this.#look(hostile, prefixes);
  }

  /** What the witness has of the attacker's routes. */
  #look({ family }: HostileCase, prefixes: Prefixes): { seen: string; told: Outcome["told"] } {
    const { routes } = this.#witness;
    const anchored = routes.has(prefixes.anchor);
    const anchored6 = routes.has(prefixes.anchor6);
    const told = routes.get(family === 4 ? prefixes.target : prefixes.target6) ?? null;
    if (!anchored || !anchored6)
      return { seen: anchored && family === 6 && told === null ? "disable" : "overreach", told: null };
    if (told === null) return { seen: "withdraw", told };
    return { seen: told.get(1)?.value === originMark ? "taken" : "kept", told };
  }

  async #steps(
    steps: readonly Step[],
    attacker: ScriptedSpeaker,
    local: string,
    attackers: ScriptedSpeaker[],
  ): Promise<void> {
    const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    for (const step of steps) {
      if (attacker.over) return;
      if (step instanceof Uint8Array) attacker.send(step);
      else if ("pauseMs" in step) await this.#pulse.rest(step.pauseMs, () => attacker.over);
      else if ("trickle" in step) {
        const size = step.size ?? 1;
        for (let at = 0; at < step.trickle.length && !attacker.over; at += size) {
          attacker.send(step.trickle.subarray(at, at + size));
          await wait(step.everyMs);
        }
      } else if ("repeat" in step) {
        const block = Buffer.concat(Array.from({ length: Math.min(500, step.times) }, () => step.repeat));
        for (let sent = 0; sent < step.times && !attacker.over; sent += 500) {
          if (attacker.socket.write(block)) continue;
          // A daemon that takes no more has answered in its way: the rest is not sent.
          let drained = false;
          attacker.socket.once("drain", () => {
            drained = true;
            this.#pulse.beat();
          });
          if (!(await this.#pulse.until(() => drained || attacker.over, 3_000))) break;
        }
      } else if ("crowd" in step) {
        const from = step.crowd === "self" ? local : this.lane.stranger;
        for (let i = 0; i < step.connections; i++) {
          const one = this.#peer(from);
          if (step.send !== undefined) one.send(step.send);
          attackers.push(one);
          if (i % 20 === 19) await this.#pulse.until(() => one.connected || one.over, 1_000);
          if (step.finally === "end") one.socket.end();
          else if (step.finally === "reset") one.socket.once("connect", () => one.reset());
        }
        await wait(300);
      } else if (step.tcp === "end") attacker.socket.end();
      else if (step.tcp === "reset") attacker.reset();
      else if (step.tcp === "stop-reading") attacker.socket.pause();
      else attacker.socket.resume();
    }
  }
}

const lacks = (peer: ScriptedSpeaker, needs: HostileCase["needs"]): boolean => {
  if (needs === undefined) return false;
  const { capabilities } = peer;
  if (needs === "extended") return !capabilities.has(6);
  if (needs === "enhanced-refresh") return !capabilities.has(70);
  // RFC 7911: for IPv4 unicast the daemon receives several paths.
  const addPath = capabilities.get(69) ?? "";
  for (let at = 0; at + 8 <= addPath.length; at += 8)
    if (addPath.startsWith("000101", at) && (Number.parseInt(addPath.slice(at + 6, at + 8), 16) & 1) !== 0)
      return false;
  return true;
};

/** Path identifier 1 before each /24. */
const withPathIds = (nlri: string): string => nlri.replace(/.{8}/g, (prefix) => `00000001${prefix}`);

const endOf = ({ notification, ended }: ScriptedSpeaker): string =>
  notification === null
    ? ended === null
      ? "up"
      : "close"
    : `reset ${notification.code}/${notification.subcode}${notification.data === "" ? "" : ` ${notification.data}`}`;
