import { seededRandom } from "../../src/lib/random.ts";
import { type ProcessSample, processTree, sampleProcesses } from "../measure/process.ts";
import { Encoder, encodeAnnounce, type Marks } from "./encode.ts";
import { Classes, type Expectation, View } from "./expectation.ts";
import { cpuSeconds, Fleet } from "./fleet.ts";
import { octets } from "./octets.ts";
import { ChunkPool } from "./recording.ts";
import { Session } from "./session.ts";
import type { LoadSpec, Phase } from "./spec.ts";
import { openSys } from "./sys.ts";
import { type AttributeSet, makeTable, type Table, type TableShape } from "./table.ts";

/** What all workloads share: sessions, the made-up table, what must arrive, and the clock. */
export class Rig {
  readonly spec: LoadSpec;
  readonly fleet: Fleet;
  readonly table: Table;
  readonly classes = new Classes();
  readonly pool: ChunkPool;
  readonly phases: Phase[] = [];
  readonly faults: string[] = [];
  readonly views = new Map<Session, View>();
  readonly #sys = openSys();
  #pids: number[] = [];

  constructor(spec: LoadSpec, chunkBytes: number, shape: TableShape = spec.table) {
    this.spec = spec;
    this.fleet = new Fleet(this.#sys);
    this.pool = new ChunkPool(chunkBytes);
    this.table = makeTable(shape, seededRandom(spec.table.seed));
    if (spec.holdTimeSeconds > 0) this.fleet.keepAlive((spec.holdTimeSeconds * 1000) / 3);
  }

  say(text: string): void {
    process.stderr.write(`    ${text}\n`);
  }

  /** A session from an address of its own in update group `group`; not connected yet. */
  session(group = 0, receiveBuffer = 0): Session {
    const { daemon, table, addPath, holdTimeSeconds } = this.spec;
    const index = this.fleet.sessions.length;
    const routerId = Uint8Array.of(10, group, 1 + (index >> 8), index & 255);
    const settings = {
      as: daemon.as,
      family: table.family,
      addPath,
      holdTimeSeconds,
      remote: octets(daemon.address),
      port: daemon.port,
      receiveBuffer,
    };
    const session = new Session(index, this.addressOf(routerId), routerId, settings, this.#sys, this.pool);
    this.fleet.sessions.push(session);
    return session;
  }

  /** The session address for a router id: itself, or fd00:b::ID when the table is of IPv6. */
  addressOf(routerId: Uint8Array): Uint8Array {
    if (this.table.family === 4) return routerId;
    const address = new Uint8Array(16);
    address.set([0xfd, 0, 0, 0x0b]);
    address.set(routerId, 12);
    return address;
  }

  /** What a route of `from` looks like after the daemon has passed it on. */
  marksAfter(from: Session): Marks {
    const { clusterId } = this.spec.daemon;
    const nextHop = from.local;
    return clusterId === null
      ? { nextHop }
      : { nextHop, reflected: { originator: from.routerId, cluster: octets(clusterId) } };
  }

  /** The UPDATEs of a whole table, one for each attribute set. */
  announceAll(from: Session, sets: readonly AttributeSet[]): Uint8Array {
    return this.announceSets(from, sets, 0, sets.length);
  }

  announceSets(from: Session, sets: readonly AttributeSet[], first: number, end: number): Uint8Array {
    const { setStart } = this.table;
    const e = new Encoder(1 << 20);
    for (let s = first; s < end; s++)
      encodeAnnounce(e, this.table, sets[s]!, { nextHop: from.local }, setStart[s]!, setStart[s + 1]!);
    return e.taken();
  }

  /** Nothing is expected yet. */
  expectation(): Expectation {
    const count = this.table.prefixes.count;
    return {
      table: this.table,
      classes: this.classes,
      wanted: new Int32Array(count),
      owner: new Int32Array(count).fill(-1),
    };
  }

  /** From now on the prefixes of the sets `first` up to `end` are expected as `from` sends them. */
  expect(expectation: Expectation, from: Session, sets: readonly AttributeSet[], first = 0, end = sets.length): void {
    const { setStart } = this.table;
    const marks = this.marksAfter(from);
    for (let s = first; s < end; s++) {
      expectation.wanted.fill(this.classes.expect(sets[s]!, marks), setStart[s]!, setStart[s + 1]!);
      expectation.owner.fill(from.index, setStart[s]!, setStart[s + 1]!);
    }
  }

  /** Changes what is expected of every view at once. */
  expectAgain(change: (expectation: Expectation) => void): void {
    for (const expectation of new Set([...this.views.values()].map((view) => view.expectation))) change(expectation);
    for (const view of this.views.values()) view.rebase();
  }

  /** Waits until the daemon has stopped working: less than a twentieth of a core over 200 ms. */
  idle(): void {
    for (let before = this.sample().cpuSeconds; ; ) {
      this.fleet.until(() => false, 200);
      const now = this.sample().cpuSeconds;
      if (now - before < 0.01) return;
      before = now;
    }
  }

  /** Checks from now on what `session` holds. */
  view(session: Session, expectation: Expectation): View {
    const view = new View(expectation, session.index, session.routerId);
    this.views.set(session, view);
    return view;
  }

  /** Brings sessions up before the clock runs, and lets the daemon settle (End-of-RIB and all). */
  establish(sessions: readonly Session[]): void {
    this.fleet.establish(sessions, 4, this.spec.timeoutSeconds * 1000);
    this.fleet.untilQuiet(300, 5000);
    this.analyse();
  }

  /** Looks at all that arrived since the last look. This is not the daemon's time, nor counted as the generator's. */
  analyse(): void {
    const before = cpuSeconds();
    for (const session of this.fleet.sessions) {
      const view = this.views.get(session);
      session.recording.parse((type, bytes, start, end, atMs) => {
        if (type === 2) view?.update(bytes, start, end, session.addPath, atMs);
      });
    }
    this.fleet.asideCpu += cpuSeconds() - before;
  }

  /** Analyses in quiet moments until every view is right; false if that takes too long. */
  converge(timeoutMs = this.spec.timeoutSeconds * 1000): boolean {
    const deadline = this.fleet.nowMs + timeoutMs;
    for (;;) {
      const quiet = this.fleet.untilQuiet(this.spec.quietMs, deadline - this.fleet.nowMs);
      this.analyse();
      if ([...this.views.values()].every((view) => view.wrong === 0)) return true;
      const closed = this.fleet.sessions.find((s) => s.state === "closed" && this.views.has(s));
      if (closed) throw new Error(`session ${closed.index} was closed: ${closed.closeReason}`);
      if (!quiet || this.fleet.nowMs >= deadline) return false;
    }
  }

  /** Runs `action` on the clock, then waits until all views are right. */
  phase(name: string, action: (startMs: number) => void, extra?: (startMs: number) => Partial<Phase>): Phase {
    const before = this.#totals();
    const cpuBefore = cpuSeconds() - this.fleet.asideCpu;
    const startMs = this.fleet.nowMs;
    action(startMs);
    const done = this.converge();
    const loadCpuSeconds = Math.max(0, this.fleet.activeAtCpu - cpuBefore);
    const rightAtMs = Math.max(startMs, ...[...this.views.values()].map((view) => view.rightSinceMs));
    if (!done) this.#complain(name);
    const strangers = [...this.views.values()].reduce((sum, view) => sum + view.strangers, 0);
    if (strangers > 0) this.faults.push(`${name}: ${strangers} prefixes arrived that nobody announced`);
    const after = this.#totals();
    const phase: Phase = {
      name,
      wallSeconds: done ? (rightAtMs - startMs) / 1000 : null,
      loadCpuSeconds,
      ...difference(before, after),
      ...extra?.(startMs),
    };
    this.phases.push(phase);
    this.say(`${name}: ${phase.wallSeconds?.toFixed(2) ?? "not done"} s, CPU ${phase.cpuSeconds.toFixed(2)} s`);
    return phase;
  }

  /** The memory and CPU of the daemon now. */
  sample(): ProcessSample {
    if (this.#pids.length === 0) this.#pids = processTree(this.spec.pids);
    return sampleProcesses(this.#pids);
  }

  /** One line: how far it came, and the first route that is there but wrong, which is worse than one that is missing. */
  #complain(name: string): void {
    const unlike = [...this.views.values()].filter((view) => view.wrong > 0);
    const missing = unlike.reduce((sum, view) => sum + view.missing, 0);
    const wrong = unlike.reduce((sum, view) => sum + view.wrong, 0) - missing;
    const lost = this.fleet.sessions.filter((session) => session.state === "closed").length;
    this.faults.push(
      [
        `${name}: not done in ${this.spec.timeoutSeconds} s`,
        `${missing} routes are missing at ${unlike.length} of ${this.views.size} sessions`,
        ...(lost > 0 ? [`${lost} sessions are down`] : []),
        ...(wrong > 0
          ? [
              `${wrong} are there that should not be, or are not as announced: ${unlike.map((v) => v.complaint()).find((c) => c !== "")}`,
            ]
          : []),
      ].join("; "),
    );
  }

  #totals(): Totals {
    const sessions = this.fleet.sessions;
    const views = [...this.views.values()];
    return {
      ...this.sample(),
      bytesSent: sessions.reduce((sum, s) => sum + s.bytesSent, 0),
      bytesReceived: sessions.reduce((sum, s) => sum + s.recording.bytes, 0),
      updatesReceived: views.reduce((sum, v) => sum + v.updates, 0),
      routesReceived: views.reduce((sum, v) => sum + v.announced + v.withdrawn, 0),
    };
  }
}

type Totals = Omit<Phase, "name" | "wallSeconds" | "loadCpuSeconds" | "delaysMs" | "figures">;

const difference = (before: Totals, after: Totals): Totals => ({
  cpuSeconds: after.cpuSeconds - before.cpuSeconds,
  residentMb: after.residentMb,
  peakResidentMb: after.peakResidentMb,
  bytesSent: after.bytesSent - before.bytesSent,
  bytesReceived: after.bytesReceived - before.bytesReceived,
  updatesReceived: after.updatesReceived - before.updatesReceived,
  routesReceived: after.routesReceived - before.routesReceived,
});
