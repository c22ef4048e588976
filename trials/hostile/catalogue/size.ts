import { attribute, sequence, u32 } from "../../../testbed/speaker/octets.ts";
import { chapter, type Ground } from "../case.ts";

const headerAndLengths = 23;

/** A good UPDATE for the target of exactly so many octets, filled with communities and an unknown attribute. */
const sized = (g: Ground, octets: number, fill: "communities" | "unknown"): Uint8Array => {
  const good = g.good();
  const room = octets - headerAndLengths - good.join("").length / 2 - g.target.length / 2;
  if (fill === "unknown") return g.update([...good, attribute(0xd0, 99, "5a".repeat(room - 4))]);
  const count = Math.floor((room - 4) / 4);
  const rest = room - 4 - count * 4;
  // What doesn't divide by four goes into an unknown non-transitive attribute, unless it is too little for one.
  const communities = rest === 0 ? count : count - 2;
  const filler = rest === 0 ? [] : [attribute(0x80, 99, "00".repeat(rest + 8 - 3))];
  const list = Array.from({ length: communities }, (_, i) => u32(0x10000000 + i * 7)).join("");
  return g.update([...good, ...filler, attribute(0xd0, 8, list)]);
};

const extended = { open: { extended: true }, needs: "extended" as const };

/**
 * Routes that are good, and no longer fit into 4096 octets for the witness once ORIGINATOR_ID and CLUSTER_LIST (or LOCAL_PREF) are
 * added: they must be withdrawn there, and delay nothing else (RFC 8654 §4; RFC 4271 §9.2: what can't be advertised is
 * withdrawn).
 */
export const sizes = chapter("size", [
  ...[4096, 4095, 4090].flatMap((octets) => [
    {
      id: `size-${octets}-unknown`,
      title: `an UPDATE of ${octets} octets with a large unknown attribute: what it grows by doesn't fit`,
      rfc: "4271 §9.2, 8654 §4",
      from: "internal" as const,
      attack: (g: Ground) => sized(g, octets, "unknown"),
      expect: "withdraw",
      short: octets === 4096,
    },
  ]),
  {
    id: "size-4096-external",
    title: "an UPDATE of 4096 octets from an external peer: LOCAL_PREF is added",
    rfc: "4271 §9.2",
    from: "external",
    attack: (g) => sized(g, 4096, "unknown"),
    expect: "withdraw",
  },
  {
    id: "size-4096-communities",
    title: "an UPDATE of 4096 octets full of communities",
    rfc: "4271 §9.2, 4456 §8",
    attack: (g) => sized(g, 4096, "communities"),
    expect: "withdraw",
    short: true,
  },
  {
    id: "size-4000",
    title: "an UPDATE of 4000 octets: still fits",
    rfc: "4271 §9.2",
    from: "both",
    attack: (g) => sized(g, 4000, "unknown"),
    expect: "taken +99",
  },
  ...[4097, 4110, 8192, 32_768, 65_000, 65_500, 65_535].map((octets) => ({
    id: `size-${octets}-unknown`,
    title: `an extended UPDATE of ${octets} octets with a large unknown attribute`,
    rfc: "8654 §4",
    ...extended,
    attack: (g: Ground) => sized(g, octets, "unknown"),
    expect: "withdraw",
    short: octets === 65_535 || octets === 4097,
  })),
  ...[10_000, 64_000, 65_535].map((octets) => ({
    id: `size-${octets}-communities`,
    title: `an extended UPDATE of ${octets} octets full of communities`,
    rfc: "8654 §4",
    ...extended,
    attack: (g: Ground) => sized(g, octets, "communities"),
    expect: "withdraw",
    short: octets === 64_000,
  })),
  {
    id: "size-path-extended",
    title: "an extended UPDATE with an AS_PATH of 10,000 ASes",
    rfc: "8654 §4",
    from: "both",
    ...extended,
    attack: (g) =>
      g.update([
        ...g.good(2),
        attribute(
          0x50,
          2,
          sequence([
            ...(g.kind === "external" ? [g.as] : []),
            ...Array.from({ length: 10_000 }, (_, i) => 100_000 + i),
          ]),
        ),
      ]),
    expect: "withdraw",
  },
  {
    id: "size-cluster-extended",
    title: "an extended UPDATE with a CLUSTER_LIST of 10,000 ids",
    rfc: "8654 §4",
    ...extended,
    attack: (g) =>
      g.update([
        ...g.good(),
        attribute(0x90, 10, Array.from({ length: 10_000 }, (_, i) => u32(0x0b000000 + i)).join("")),
      ]),
    expect: "withdraw",
  },
  {
    id: "size-cluster-1010",
    title: "a CLUSTER_LIST that fits, and doesn't once ours is added",
    rfc: "4456 §8",
    attack: (g) => {
      const room = 4096 - headerAndLengths - g.good().join("").length / 2 - g.target.length / 2 - 4;
      return g.update([
        ...g.good(),
        attribute(0x90, 10, Array.from({ length: Math.floor(room / 4) }, (_, i) => u32(0x0b000000 + i)).join("")),
      ]);
    },
    expect: "withdraw",
    short: true,
  },
  {
    id: "size-back",
    title: "a route that doesn't fit, then one that does: it comes back",
    rfc: "4271 §9.2",
    attack: (g) => [sized(g, 4096, "unknown"), { pauseMs: 300 }, g.update(g.good())],
    expect: "taken",
  },
  {
    id: "size-many",
    title: "a hundred UPDATEs of 4096 octets for one prefix, then a good one",
    rfc: "4271 §9.2",
    attack: (g) => [{ repeat: sized(g, 4096, "communities"), times: 100 }, g.update(g.good())],
    expect: "taken",
    waitMs: 10_000,
  },
]);
