import { seededRandom } from "../../src/lib/random.ts";
import type { DecisionOptions } from "../../src/rib/decision/options.ts";
import { Rib } from "../../src/rib/rib.ts";
import { emptyAttributes, type PathAttributes } from "../../src/wire/attribute/types.ts";
import { fixedNextHops } from "../../testbed/next-hops.ts";

export interface SetSpec extends Partial<Omit<PathAttributes, "nextHop" | "asPath">> {
  /** One AS_SEQUENCE. */
  path?: readonly number[];
  asPath?: PathAttributes["asPath"];
  /** IPv4 next hop as a word; 0 or absent is 10.0.0.1. */
  hop?: number;
}

export interface SourceSpec {
  kind?: "internal" | "external";
  routerId?: number;
  /** One word for IPv4. */
  address?: readonly number[];
}

/** A RIB with test next hops and short ways to say what is in it. */
export function ribKit(options: { seed?: number; decision?: DecisionOptions } = {}) {
  const nextHops = fixedNextHops();
  const { decision } = options;
  const rib = new Rib({
    random: seededRandom(options.seed ?? 1),
    nextHops,
    local: { as: 65001, routerId: 0x0a0000fe },
    ...(decision === undefined ? {} : { decision }),
  });
  let peers = 0;
  return {
    rib,
    nextHops,
    /** Nobody holds the set yet. */
    set({ path, hop, ...rest }: SetSpec = {}): number {
      const nextHop = nextHops.intern([hop || 0x0a000001], null);
      const asPath = rest.asPath ?? (path === undefined ? [] : [{ type: 2 as const, asns: path }]);
      const id = rib.attributes.intern({ ...emptyAttributes, ...rest, asPath }, nextHop);
      nextHops.release(nextHop);
      return id;
    },
    hopId(word: number): number {
      const id = nextHops.intern([word], null);
      nextHops.release(id);
      return id;
    },
    source({ kind = "internal", routerId, address }: SourceSpec = {}): number {
      const number = ++peers;
      return rib.sources.add({
        kind,
        client: true,
        remoteAs: kind === "internal" ? 65001 : 65100 + number,
        routerId: routerId ?? 0x01000000 + number,
        address: address ?? [0x0a000100 + number],
        peer: `peer ${number}`,
        name: "",
      });
    },
  };
}
