import t from "tap";
import { meshCost } from "../../src/config/mesh-cost.ts";
import { meshFigures } from "../../src/config/mesh-figures.ts";

const cost = (cpuSeconds: number) => ({ cpuSeconds, memoryMb: 10 * cpuSeconds });
const figures = [
  { nodes: 16, mesh: cost(2), reflectors: cost(1) },
  { nodes: 64, mesh: cost(40), reflectors: cost(4) },
];

t.test("what a mesh costs is told by count, and as measured at the nearest size", async (t) => {
  t.equal(
    meshCost(50, figures),
    "A mesh of 50 nodes has 1225 sessions, 49 on each node; two reflectors would need 97. Measured with 64 nodes (docs/scaling.md), all together until everyone had every route: mesh 40 s of CPU and 400 MB, two reflectors 4 s and 40 MB",
  );
  t.match(meshCost(30, figures), /Measured with 16 nodes/, "nearest by ratio: 30 is less than twice 16");
  t.notMatch(meshCost(30, []), /Measured/, "no figure is made up");
});

t.test("the figures that were written down can be quoted", async (t) => {
  for (const { nodes, mesh, reflectors } of meshFigures) {
    t.ok(nodes >= 2);
    for (const { cpuSeconds, memoryMb } of [mesh, reflectors]) t.ok(cpuSeconds > 0 && memoryMb > 0);
  }
});
