/**
 * The load generator: a process of its own, single-threaded, that never is the bottleneck. It reads a LoadSpec from stdin, plays all the
 * daemon's peers, and writes a LoadResult to stdout. While the clock runs it only moves bytes; what they say is looked at when nothing moves.
 */
import { readFileSync } from "node:fs";
import type { Rig } from "./rig.ts";
import type { LoadResult, LoadSpec, LoadWorkload } from "./spec.ts";
import { churn } from "./workloads/churn.ts";
import { ingest } from "./workloads/ingest.ts";
import { late } from "./workloads/late.ts";
import { mixed } from "./workloads/mixed.ts";
import { paths } from "./workloads/paths.ts";
import { rack } from "./workloads/rack.ts";
import { reflect } from "./workloads/reflect.ts";
import { sessions } from "./workloads/sessions.ts";

const workloads: Record<LoadWorkload, (spec: LoadSpec) => Rig> = {
  reflect,
  rack,
  churn,
  late,
  paths,
  ingest,
  sessions,
  mixed,
};

const spec = JSON.parse(readFileSync(0, "utf8")) as LoadSpec;
const rig = workloads[spec.workload](spec);
const result: LoadResult = { phases: rig.phases, faults: rig.faults };
process.stdout.write(JSON.stringify(result));
