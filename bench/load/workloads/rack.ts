import { seededRandom } from "../../../src/lib/random.ts";
import { Rig } from "../rig.ts";
import type { LoadSpec } from "../spec.ts";
import { type AttributeSet, makeSets } from "../table.ts";

/** Nodes that come one millisecond after the other, each with a few routes of its own; all must hold all others' routes. */
export function rack(spec: LoadSpec): Rig {
  const perNode = Math.floor(spec.table.routes / spec.clients);
  const rig = new Rig(spec, 16_384, { ...spec.table, routes: perNode * spec.clients, perSet: perNode });
  const nodes = Array.from({ length: spec.clients }, () => rig.session());
  // One attribute set a node: no path yet, perhaps a community.
  const sets: AttributeSet[] = makeSets(nodes.length, seededRandom(spec.table.seed + 1)).map((set) => ({
    ...set,
    asPath: [],
    med: null,
    largeCommunities: [],
  }));
  const expectation = rig.expectation();
  nodes.forEach((node, i) => {
    rig.expect(expectation, node, sets, i, i + 1);
    const bytes = rig.announceSets(node, sets, i, i + 1);
    node.onEstablished = () => node.send(bytes);
  });
  for (const node of nodes) rig.view(node, expectation);
  rig.pool.prepare(nodes.length * 65_536);
  rig.phase("rack", () => rig.fleet.connectApart(nodes, 1));
  return rig;
}
