import type { Driver } from "../lane.ts";
import { bird } from "./bird.ts";
import { frr } from "./frr.ts";
import { gobgp } from "./gobgp.ts";
import { openbgpd } from "./openbgpd.ts";
import { ours } from "./ours.ts";

/** In the order of the table's columns. */
export const drivers: readonly Driver[] = [ours, bird, frr, gobgp, openbgpd];
