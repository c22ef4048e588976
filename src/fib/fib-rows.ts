import type { KernelMirror } from "../kernel/mirror.ts";
import { protocolName } from "../kernel/protocol-names.ts";
import { effectiveMetric } from "../kernel/routes.ts";
import type { KernelTarget, RouteScope } from "../kernel/rtnetlink/route.ts";
import { formatAddress, formatPrefix, type Prefix } from "../lib/address.ts";
import { families } from "../lib/family.ts";
import { prefixAt } from "../lib/prefix-words.ts";
import type { ContestedRoutes } from "./contested-routes.ts";
import type { FibResult, FibRow, FibRowHop, FibState } from "./fib-port.ts";
import { type FibTable, Mark } from "./fib-table.ts";
import type { GroupTable } from "./groups.ts";
import type { TargetId, TargetStore } from "./targets.ts";

/** What rows are made of. */
export interface RowParts {
  readonly scope: RouteScope;
  readonly tables: readonly [FibTable, FibTable];
  readonly targets: TargetStore;
  readonly groups: GroupTable;
  readonly mirror: KernelMirror | null;
}

/** Answers for people: intent beside kernel, route by route. Nothing here is on the way of a route. */
export class FibRows {
  readonly #parts: RowParts;
  #listener: (result: FibResult) => void = () => {};
  /** Null until it is there: it asks for texts itself. */
  contested: ContestedRoutes | null = null;

  constructor(parts: RowParts) {
    this.#parts = parts;
  }

  *all(): Iterable<FibRow> {
    for (const family of families) {
      const table = this.#parts.tables[family];
      for (let id = 1; id < table.prefixes.limit; id++) {
        const row = table.prefixes.has(id) ? this.#row(table, id) : undefined;
        if (row !== undefined) yield row;
      }
    }
  }

  one(prefix: Prefix): FibRow | undefined {
    const table = this.#parts.tables[prefix.family];
    const id = table.prefixes.findPrefix(prefix);
    return id === 0 ? undefined : this.#row(table, id);
  }

  /** One listener for failures, overrides and recoveries. */
  onResult(listener: (result: FibResult) => void): void {
    this.#listener = listener;
  }

  /** The state of a route is another one now, or may be shown otherwise. */
  report(table: FibTable, id: number): void {
    this.#listener({ family: table.family, prefix: this.prefix(table, id), ...this.#state(table, id) });
  }

  /** Who has a route in our place: the same prefix, table and metric. */
  ownerInTheWay(table: FibTable, id: number): string | null {
    const metric = effectiveMetric(this.#parts.scope.metric, table.family);
    return this.#owner(table, id, (other) => other === metric);
  }

  /** Who is followed instead of us: ours isn't there because of theirs, or stands behind it with its higher metric. */
  #ownerBefore(table: FibTable, id: number): string | null {
    const metric = effectiveMetric(this.#parts.scope.metric, table.family);
    return this.#owner(table, id, (other) => other < metric || (other === metric && table.held.get(id) === 0));
  }

  #owner(table: FibTable, id: number, stands: (metric: number) => boolean): string | null {
    const { scope, mirror } = this.#parts;
    if (mirror === null) return null;
    for (const route of mirror.foreignAt(prefixAt(table.prefixes, id)))
      if (route.table === scope.table && stands(route.metric)) return protocolName(route.protocol);
    return null;
  }

  prefix(table: FibTable, id: number): string {
    return formatPrefix(prefixAt(table.prefixes, id));
  }

  #row(table: FibTable, id: number): FibRow | undefined {
    const { scope, targets, groups } = this.#parts;
    const group = table.want.get(id);
    const held = table.held.get(id);
    if (group === 0 && held === 0) return undefined;
    const stale = group === 0 && (table.marks.get(id) & Mark.Adopted) !== 0;
    const intent: KernelTarget = group === 0 ? targets.get(held) : groups.target(group);
    const { state, owner, error } = this.#state(table, id);
    const contested = this.contested?.text(table, id) ?? null;
    const agrees = group !== 0 && targets.satisfies(held, groups.targetId(group, table.family));
    return {
      prefix: this.prefix(table, id),
      type: intent.type === "blackhole" ? "blackhole" : "unicast",
      nextHops: this.#hops(intent),
      table: scope.table,
      protocol: protocolName(scope.protocol),
      metric: effectiveMetric(scope.metric, table.family),
      state,
      ...(owner === null ? {} : { owner }),
      ...(error === null ? {} : { error }),
      ...(agrees || stale ? {} : { kernel: held === 0 ? null : this.#kernelSide(held) }),
      ...(stale ? { stale: true as const } : {}),
      ...(contested === null ? {} : { contested }),
    };
  }

  #kernelSide(held: TargetId): { type: "unicast" | "blackhole"; nextHops: FibRowHop[] } {
    const target = this.#parts.targets.get(held);
    return { type: target.type === "blackhole" ? "blackhole" : "unicast", nextHops: this.#hops(target) };
  }

  #state(table: FibTable, id: number): { state: FibState; owner: string | null; error: string | null } {
    const owner = table.want.get(id) === 0 ? null : this.#ownerBefore(table, id);
    if (owner !== null) return { state: "overridden", owner, error: null };
    const refusal = table.refused.get(id);
    if (refusal?.state === "failed") return { state: "failed", owner: null, error: refusal.text };
    if (refusal?.state === "overridden") return { state: "overridden", owner: refusal.text, error: null };
    const waits = this.contested?.waits(table, id) === true;
    const pending = waits || (table.marks.get(id) & (Mark.Queued | Mark.InFlight)) !== 0 || table.held.get(id) === 0;
    return { state: pending ? "pending" : "installed", owner: null, error: null };
  }

  #hops(target: KernelTarget): FibRowHop[] {
    if (target.type === "object") return [];
    const links = this.#parts.mirror?.links;
    return target.nextHops.map((hop) => ({
      via: hop.via === null ? null : formatAddress(hop.via),
      dev: hop.ifindex === 0 ? "" : (links?.get(hop.ifindex)?.name ?? `if${hop.ifindex}`),
      onlink: hop.onlink && hop.via !== null,
      weight: hop.weight,
    }));
  }
}
