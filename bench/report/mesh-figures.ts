import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../paths.ts";
import type { ScalingResult, ScalingRun } from "../scaling/result.ts";

const file = join(root, "src/config/mesh-figures.ts");

/** Hands the daemon the figures of docs/scaling.md that its warning about a mesh quotes. */
export function writeMeshFigures(result: ScalingResult): void {
  const rows = compared(result).map(
    ({ mesh, two }) =>
      `  {\n    nodes: ${mesh.nodes},\n    mesh: ${literal(mesh)},\n    reflectors: ${literal(two)},\n  },\n`,
  );
  const text = readFileSync(file, "utf8");
  const start = text.indexOf("export const meshFigures");
  writeFileSync(
    file,
    `${text.slice(0, start)}export const meshFigures: readonly MeshFigure[] = [\n${rows.join("")}];\n`,
  );
}

const literal = (run: ScalingRun): string =>
  `{ cpuSeconds: ${rounded(run.cold.cpuSeconds)}, memoryMb: ${rounded(run.residentMb - run.builtMb)} }`;

/** Two significant digits: more would promise too much. */
const rounded = (value: number): number => Number(value.toPrecision(2));

/** Sizes at which both a mesh and two reflectors were measured, by rising N. */
export function compared(result: ScalingResult): { mesh: ScalingRun; one: ScalingRun; two: ScalingRun }[] {
  const at = (topology: string, nodes: number) =>
    result.scaling.find((r) => r.label === "Peerage" && r.topology === topology && r.nodes === nodes);
  return result.scaling
    .filter((run) => run.label === "Peerage" && run.topology === "mesh")
    .sort((a, b) => a.nodes - b.nodes)
    .flatMap((mesh) => {
      const [one, two] = [at("one reflector", mesh.nodes), at("two reflectors", mesh.nodes)];
      return one && two ? [{ mesh, one, two }] : [];
    });
}
