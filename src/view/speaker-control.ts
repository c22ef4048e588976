import { diffing } from "../config/diff.ts";
import type { Config } from "../config/model.ts";
import { NotAConfig, type ReadOrder } from "../config/reader.ts";
import { inSlices } from "../lib/in-slices.ts";
import { Refused } from "../speaker/announcements.ts";
import type { Speaker } from "../speaker/speaker.ts";
import { announcementsOf, prefixesOf } from "./announce-request.ts";
import { changeLines, changeReport } from "./change-report.ts";
import { refusedConfig } from "./faults.ts";
import type { AdminReport, ChangeReport, DrainReport, NeighborChange } from "./model.ts";
import { type AdminAction, type AdminTarget, ControlError, type SpeakerControl } from "./view-port.ts";

/** Refused prefixes that are named. */
const FAULTS = 20;
/** Changes that a reload logs one by one. */
const MAX_LINES = 100;

/** What the daemon around the speaker hears of. */
export interface ControlEvents {
  /** A config that was read again holds from now on. */
  adopted(config: Config): Promise<void>;
  /** The daemon may end. */
  drained(): void;
  /** The tables are to be written into an MRT file: its name, or null where none are configured. May throw what the disk said. */
  dumpTables(): Promise<string | null>;
}

/** What an operator may tell a running speaker. */
export class LiveControl implements SpeakerControl {
  readonly #speaker: Speaker;
  readonly #file: string;
  readonly #load: (order: ReadOrder) => Promise<Config>;
  readonly #events: ControlEvents;
  /** Reloads come one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** The one that is asked for and hasn't begun: whoever asks meanwhile means the same. */
  #next: Promise<ChangeReport> | null = null;

  /**
   * @param file the daemon's own, as it was named at the start: places keep that name
   * @param load reads a config or throws ConfigErrors
   */
  constructor(speaker: Speaker, file: string, load: (order: ReadOrder) => Promise<Config>, events: ControlEvents) {
    this.#speaker = speaker;
    this.#file = file;
    this.#load = async (order) => {
      try {
        return await load(order);
      } catch (error) {
        if (error instanceof NotAConfig) throw new ControlError("bad-request", error.message);
        throw refusedConfig(error);
      }
    };
    this.#events = events;
  }

  reset(address: string, soft: "in" | "out" | null): void {
    const peer = this.#speaker.peers.get(address);
    if (peer === undefined) throw new ControlError("not-found", `There is no neighbor ${address}`);
    if (soft !== null && peer.live === null)
      throw new ControlError(
        "failed",
        soft === "in"
          ? `The session with ${address} is down: it tells its routes when it comes up, there is nobody to ask now`
          : `The session with ${address} is down: it is told all routes when it comes up`,
      );
    this.#speaker.reset(peer, soft);
  }

  reload(): Promise<ChangeReport> {
    if (this.#next !== null) return this.#next;
    const next = this.#last.then(() => {
      this.#next = null;
      return this.#reload();
    });
    this.#next = next;
    this.#last = next.catch(() => {});
    return next;
  }

  async #reload(): Promise<ChangeReport> {
    this.#refuseAtTheEnd();
    const { clock } = this.#speaker;
    let config: Config;
    try {
      config = await this.#load({ file: this.#file });
    } catch (error) {
      this.#logRefusal(error);
      throw error;
    }
    this.#refuseAtTheEnd();
    const diff = await inSlices(clock, diffing(this.#speaker.config, config));
    this.#refuseAtTheEnd();
    await inSlices(clock, this.#speaker.reconfiguring(config, diff));
    await this.#events.adopted(config);
    const report = changeReport(diff, config.warnings);
    this.#speaker.log.event("info", "reload", "took on the config again", {
      added: count(report, "added"),
      removed: count(report, "removed"),
      restarted: count(report, "restart"),
      changed: count(report, "soft"),
      unchanged: report.unchangedNeighbors,
    });
    let told = 0;
    for (const { level, text } of changeLines(diff))
      if (told++ < MAX_LINES) this.#speaker.log.event(level, "reload", text);
    if (told > MAX_LINES) this.#speaker.log.event("info", "reload", `... and ${told - MAX_LINES} changes more`);
    return report;
  }

  /** The log hears of it whoever asked: by a signal, or over the command line. */
  #logRefusal(error: unknown): void {
    const faults = error instanceof ControlError ? error.faults : [];
    const reasons = faults.map(({ place, message }) => `${place}: ${message}`);
    for (const reason of reasons.length > 0 ? reasons : [String(error)])
      this.#speaker.log.event("error", "reload-refused", `the old config stays: ${reason}`);
  }

  #refuseAtTheEnd(): void {
    if (this.#speaker.ending)
      throw new ControlError("failed", "The daemon is about to end: no config is read any more");
  }

  async diff(sent: Uint8Array): Promise<ChangeReport> {
    const config = await this.#load({ sent });
    return changeReport(await inSlices(this.#speaker.clock, diffing(this.#speaker.config, config)), config.warnings);
  }

  async announce(body: Uint8Array): Promise<{ announced: number }> {
    const { announcements, force } = await inSlices(this.#speaker.clock, announcementsOf(body));
    await this.#allOrNothing(this.#speaker.announcing(announcements, force), "announce");
    this.#speaker.log.event("info", "announce", `${announcements.length} routes are announced by command`);
    return { announced: announcements.length };
  }

  async withdraw(body: Uint8Array): Promise<{ withdrawn: number }> {
    const prefixes = await inSlices(this.#speaker.clock, prefixesOf(body));
    await this.#allOrNothing(this.#speaker.withdrawing(prefixes), "withdraw");
    this.#speaker.log.event("info", "withdraw", `${prefixes.length} routes are taken back by command`);
    return { withdrawn: prefixes.length };
  }

  async #allOrNothing(work: Generator<undefined, void>, what: string): Promise<void> {
    try {
      await inSlices(this.#speaker.clock, work);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { faults } = error;
      const lines = faults.slice(0, FAULTS).map(({ prefix, reason }) => `Cannot ${what} ${prefix}: ${reason}`);
      if (faults.length > FAULTS) lines.push(`and ${faults.length - FAULTS} more`);
      throw new ControlError("failed", lines.join("\n"));
    }
  }

  async dumpTables(): Promise<string> {
    let name: string | null;
    try {
      name = await this.#events.dumpTables();
    } catch (error) {
      throw new ControlError("failed", `The tables couldn't be written: ${(error as Error).message}`);
    }
    if (name === null)
      throw new ControlError("failed", "No MRT files are configured: telemetry.mrt wants a directory to write them to");
    return name;
  }

  administer(action: AdminAction, target: AdminTarget, text: string): AdminReport {
    const state = { disabled: action === "disable", draining: action === "drain", text };
    const neighbors = this.#speaker.administer(target, state);
    const whom = "group" in target ? `group ${target.group}` : `neighbor ${target.address}`;
    if (neighbors === null) throw new ControlError("not-found", `There is no ${whom}`);
    const said = text === "" ? "" : `: ${text}`;
    this.#speaker.log.event("info", action, `${whom} was told to ${action} by command${said}`, {
      neighbors: neighbors.length,
    });
    return { neighbors };
  }

  async drain(waitSeconds: number): Promise<DrainReport> {
    const { complete, waitingFor, text } = await this.#speaker.drain(waitSeconds);
    this.#events.drained();
    return { complete, waitingFor: [...waitingFor], text };
  }
}

const count = (report: ChangeReport, change: NeighborChange["change"]): number =>
  report.neighbors.filter((neighbor) => neighbor.change === change).length;
