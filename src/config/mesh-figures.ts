/** Written by `npm run bench -- report` from what `npm run bench -- scaling` measured, as is docs/scaling.md. */

export interface MeshFigure {
  readonly nodes: number;
  readonly mesh: MeshCost;
  readonly reflectors: MeshCost;
}

/** All nodes together, from cold until everyone held every route. */
export interface MeshCost {
  readonly cpuSeconds: number;
  readonly memoryMb: number;
}

export const meshFigures: readonly MeshFigure[] = [
  {
    nodes: 8,
    mesh: { cpuSeconds: 0.056, memoryMb: 5.9 },
    reflectors: { cpuSeconds: 0.063, memoryMb: 3.2 },
  },
  {
    nodes: 16,
    mesh: { cpuSeconds: 0.16, memoryMb: 8.8 },
    reflectors: { cpuSeconds: 0.13, memoryMb: 5.6 },
  },
  {
    nodes: 32,
    mesh: { cpuSeconds: 0.64, memoryMb: 27 },
    reflectors: { cpuSeconds: 0.31, memoryMb: 9.7 },
  },
  {
    nodes: 64,
    mesh: { cpuSeconds: 1.7, memoryMb: 52 },
    reflectors: { cpuSeconds: 0.67, memoryMb: 22 },
  },
  {
    nodes: 100,
    mesh: { cpuSeconds: 3.9, memoryMb: 110 },
    reflectors: { cpuSeconds: 0.91, memoryMb: 29 },
  },
  {
    nodes: 200,
    mesh: { cpuSeconds: 15, memoryMb: 470 },
    reflectors: { cpuSeconds: 2.2, memoryMb: 68 },
  },
];
