import { diffConfig } from "../config/diff.ts";
import type { Config } from "../config/model.ts";
import type { Speaker } from "../speaker/speaker.ts";
import { changeLines, changeReport } from "./change-report.ts";
import { refusedConfig } from "./faults.ts";
import type { ChangeReport, DrainReport, NeighborChange } from "./model.ts";
import { ControlError, type SpeakerControl } from "./view-port.ts";

/** Changes that a reload logs one by one. */
const MAX_LINES = 100;

/** What the daemon around the speaker hears of. */
export interface ControlEvents {
  /** A config that was read again holds from now on. */
  adopted(config: Config): Promise<void>;
  /** The daemon may end. */
  drained(): void;
}

/** What an operator may tell a running speaker. */
export class LiveControl implements SpeakerControl {
  readonly #speaker: Speaker;
  readonly #file: string;
  readonly #load: (file: string) => Config;
  readonly #events: ControlEvents;

  /**
   * @param file the daemon's own, as it was named at the start: places keep that name
   * @param load reads a config file or throws ConfigErrors
   */
  constructor(speaker: Speaker, file: string, load: (file: string) => Config, events: ControlEvents) {
    this.#speaker = speaker;
    this.#file = file;
    this.#load = (file) => {
      try {
        return load(file);
      } catch (error) {
        throw refusedConfig(error);
      }
    };
    this.#events = events;
  }

  reset(address: string, soft: "in" | "out" | null): void {
    const peer = this.#speaker.peers.get(address);
    if (peer === undefined) throw new ControlError("not-found", `There is no neighbor ${address}`);
    this.#speaker.reset(peer, soft);
  }

  async reload(): Promise<ChangeReport> {
    if (this.#speaker.ending)
      throw new ControlError("failed", "The daemon is about to end: no config is read any more");
    const before = this.#speaker.config;
    const config = this.#load(this.#file);
    const diff = diffConfig(before, config);
    this.#speaker.reconfigure(config, diff);
    await this.#events.adopted(config);
    const report = changeReport(diff, config.warnings);
    this.#speaker.log.event("info", "reload", "took on the config again", {
      added: count(report, "added"),
      removed: count(report, "removed"),
      restarted: count(report, "restart"),
      changed: count(report, "soft"),
      unchanged: report.unchangedNeighbors,
    });
    const lines = changeLines(diff);
    for (const { level, text } of lines.slice(0, MAX_LINES)) this.#speaker.log.event(level, "reload", text);
    if (lines.length > MAX_LINES)
      this.#speaker.log.event("info", "reload", `... and ${lines.length - MAX_LINES} changes more`);
    return report;
  }

  async diff(file: string): Promise<ChangeReport> {
    const config = this.#load(file);
    return changeReport(diffConfig(this.#speaker.config, config), config.warnings);
  }

  async drain(waitSeconds: number): Promise<DrainReport> {
    const { complete, waitingFor, text } = await this.#speaker.drain(waitSeconds);
    this.#events.drained();
    return { complete, waitingFor: [...waitingFor], text };
  }
}

const count = (report: ChangeReport, change: NeighborChange["change"]): number =>
  report.neighbors.filter((neighbor) => neighbor.change === change).length;
