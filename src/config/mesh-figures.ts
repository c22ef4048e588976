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

export const meshFigures: readonly MeshFigure[] = [];
