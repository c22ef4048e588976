import type { ChildProcess } from "node:child_process";

/** Where the hosts of a lab live. */
export interface LabStage {
  /** Builds everything; a stage left behind by a lab that was killed is removed first. @throws Error with one sentence. */
  build(): void;
  /** Starts a program on a host. */
  spawn(host: string, command: string, args: readonly string[]): ChildProcess;
  /** Removes everything, also half-built; never throws. */
  remove(): void;
}
