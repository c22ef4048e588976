import { type MeshFigure, meshFigures } from "./mesh-figures.ts";

/** What a mesh of `nodes` costs beside two reflectors: by count, and as measured at the nearest size of `docs/scaling.md`. */
export function meshCost(nodes: number, figures: readonly MeshFigure[] = meshFigures): string {
  const sessions = `A mesh of ${nodes} nodes has ${(nodes * (nodes - 1)) / 2} sessions, ${nodes - 1} on each node; two reflectors would need ${2 * (nodes - 2) + 1}`;
  const figure = nearest(nodes, figures);
  if (figure === undefined) return sessions;
  const { mesh, reflectors } = figure;
  return `${sessions}. Measured with ${figure.nodes} nodes (docs/scaling.md), all together until everyone had every route: mesh ${mesh.cpuSeconds} s of CPU and ${mesh.memoryMb} MB, two reflectors ${reflectors.cpuSeconds} s and ${reflectors.memoryMb} MB`;
}

/** Of the sizes that were measured, the nearest by ratio. */
function nearest(nodes: number, figures: readonly MeshFigure[]): MeshFigure | undefined {
  const distance = (figure: MeshFigure) => Math.abs(Math.log(figure.nodes / nodes));
  return [...figures].sort((a, b) => distance(a) - distance(b))[0];
}
