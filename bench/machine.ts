import { cpus, release, totalmem } from "node:os";

/** Where a figure was measured; no figure stands without it. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
}

export const thisMachine = (): Machine => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  node: process.version,
});

export const formatMachine = (m: Machine): string =>
  `${m.cores} x ${m.cpu}, ${m.memoryGb} GB, Linux ${m.kernel}, Node ${m.node}`;
