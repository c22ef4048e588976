import type { Result } from "../result.ts";
import { cpu, Measures, type Pick, wall } from "./measures.ts";
import { markdown } from "./tables.ts";

const BASE = "reflect-100000x100";

/** The same work on other tables, and with more to do. */
export const VARIANTS: readonly { readonly suffix: string; readonly name: string }[] = [
  { suffix: "seed2", name: "another seed" },
  { suffix: "flat", name: "flat prefix lengths" },
  { suffix: "ipv6", name: "IPv6" },
  { suffix: "addpath", name: "ADD-PATH" },
  { suffix: "policy20", name: "policy of 20 statements" },
];

const RATIOS: readonly { readonly kind: string; readonly name: string; readonly pick: Pick }[] = [
  { kind: "frr", name: "CPU to FRR's", pick: cpu },
  { kind: "frr", name: "wall to FRR's", pick: wall },
  { kind: "bird", name: "CPU to BIRD's", pick: cpu },
  { kind: "bird", name: "wall to BIRD's", pick: wall },
];

interface VariantRatio {
  readonly variant: string;
  readonly name: string;
  readonly ratio: number;
  /** To the same ratio of the base: above 1 is worse for us. */
  readonly change: number;
}

export function variantRatios(latest: ReadonlyMap<string, Result>): VariantRatio[] {
  const base = latest.get(BASE);
  if (!base) return [];
  const baseMeasures = new Measures(base);
  return VARIANTS.flatMap(({ suffix, name: variant }) => {
    const result = latest.get(`${BASE}-${suffix}`);
    if (!result) return [];
    const measures = new Measures(result);
    return RATIOS.flatMap(({ kind, name, pick }) => {
      const [was, is] = [baseMeasures.ratio(kind, ["reflect"], pick), measures.ratio(kind, ["reflect"], pick)];
      return was === null || is === null ? [] : [{ variant, name, ratio: is, change: is / was }];
    });
  });
}

/** Each ratio of each variant, and by what factor it differs from the base. */
export function formatVariants(latest: ReadonlyMap<string, Result>): string {
  const base = latest.get(BASE);
  const all = variantRatios(latest);
  if (!base || all.length === 0) return "_Not measured yet._\n";
  const measures = new Measures(base);
  const rows = [
    ["as above", ...RATIOS.map(({ kind, pick }) => measures.ratio(kind, ["reflect"], pick)?.toFixed(3) ?? ""), ""],
    ...VARIANTS.map(({ name: variant }) => {
      const own = all.filter((r) => r.variant === variant);
      const cells = RATIOS.map(({ name }) => {
        const found = own.find((r) => r.name === name);
        return found ? `${found.ratio.toFixed(3)} (x ${found.change.toFixed(2)})` : "";
      });
      const within = own.length === 0 ? "not measured" : own.every((r) => r.change <= 1.5) ? "yes" : "**no**";
      return [variant, ...cells, within];
    }),
  ];
  return `${markdown(["", ...RATIOS.map(({ name }) => name), "within 1.5 times"], rows).join("\n")}\n`;
}
