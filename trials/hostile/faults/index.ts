import { descriptors, silentCrowd } from "./crowds.ts";
import { flapping, halfOpen, lostPeer } from "./lost-peers.ts";
import { neverRead, resumes } from "./readers.ts";
import { reload } from "./reload.ts";
import { flood, overlong } from "./routes.ts";
import { softLimit } from "./soft-limit.ts";
import type { Fault } from "./stage.ts";
import { clock, hangingReaders, noRoom } from "./surroundings.ts";

/** The scripted faults, by their number in docs/reliability.md. */
export const faults: readonly Fault[] = [
  lostPeer,
  halfOpen,
  neverRead,
  resumes,
  reload,
  clock,
  descriptors,
  silentCrowd,
  flapping,
  flood,
  overlong,
  softLimit,
  hangingReaders,
  noRoom,
];
