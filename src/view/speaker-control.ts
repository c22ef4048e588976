import { diffConfig } from "../config/diff.ts";
import type { Config } from "../config/model.ts";
import type { Speaker } from "../speaker/speaker.ts";
import { changeReport } from "./change-report.ts";
import { refusedConfig } from "./faults.ts";
import type { ChangeReport, DrainReport, NeighborChange } from "./model.ts";
import { ControlError, type SpeakerControl } from "./port.ts";

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
  readonly #load: (file: string) => Config;
  readonly #events: ControlEvents;

  /** @param load reads a config file or throws ConfigErrors. */
  constructor(speaker: Speaker, load: (file: string) => Config, events: ControlEvents) {
    this.#speaker = speaker;
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
    const config = this.#load(before.file);
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
    for (const { field, from, to } of [...diff.router, ...diff.sections].filter(({ effect }) => effect === "start"))
      this.#speaker.log.event(
        "warn",
        "reload",
        `${field} stays ${from} until the daemon starts again, then it is ${to}`,
      );
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
