import { ExportGroup } from "../../src/export/export-group.ts";
import { FibFeed } from "../../src/fib/fib-feed.ts";
import { ImportPipeline } from "../../src/policy/import-pipeline.ts";
import { AttributeStore } from "../../src/rib/attribute-store.ts";
import { Decision } from "../../src/rib/decision/decision.ts";
import { RouteTable } from "../../src/rib/route-table.ts";
import { PeerSession } from "../../src/session/peer-session.ts";
import { StaleRoutes } from "../../src/speaker/restart/stale-routes.ts";

/** Faults that are put into the real code on purpose, to see that an invariant notices. docs/simulation.md says which. */
export const plants: Readonly<Record<string, () => void>> = {
  "forget-withdrawals": () => {
    let calls = 0;
    const { withdraw4 } = RouteTable.prototype;
    RouteTable.prototype.withdraw4 = function (...args) {
      if (++calls % 7 !== 0) withdraw4.apply(this, args);
    };
  },
  "never-purge": () => {
    StaleRoutes.prototype.purge = (peer) => {
      peer.source = 0;
    };
  },
  "first-path-wins": () => {
    Decision.prototype.choose = function (first) {
      return this.usable(first) ? first : 0;
    };
  },
  "no-loop-check": () => {
    ImportPipeline.prototype.evaluate = (received) => received;
    const { explain } = ImportPipeline.prototype;
    ImportPipeline.prototype.explain = function (received, ...rest) {
      return { ...explain.call(this, received, ...rest), verdict: "accept", result: received };
    };
  },
  "lose-group-changes": () => {
    let calls = 0;
    const { changed } = ExportGroup.prototype;
    ExportGroup.prototype.changed = function (prefixId) {
      if (++calls % 11 !== 0) changed.call(this, prefixId);
    };
  },
  "lose-fib-changes": () => {
    let calls = 0;
    const { changed } = FibFeed.prototype;
    FibFeed.prototype.changed = function (prefixId) {
      if (++calls % 11 !== 0) changed.call(this, prefixId);
    };
  },
  "give-up-after-a-loss": () => {
    const { accept } = PeerSession.prototype;
    PeerSession.prototype.accept = function (transport) {
      if (this.flaps > 0) transport.destroy();
      else accept.call(this, transport);
    };
    const { connect } = { connect: PeerSession.prototype.dial };
    PeerSession.prototype.dial = function (receiver) {
      return this.flaps > 0 ? { cancel() {} } : connect.call(this, receiver);
    };
  },
  "wrong-next-hop": () => {
    const { resolve } = AttributeStore.prototype;
    AttributeStore.prototype.resolve = function (...args) {
      const set = resolve.apply(this, args);
      if (set <= 0 || set % 3 !== 0) return set;
      for (let other = 1; other < this.limit; other++) {
        const nextHop = this.nextHop[other]!;
        if (this.holders(other) > 0 && nextHop !== 0 && nextHop !== this.nextHop[set])
          return this.withNextHop(set, nextHop);
      }
      return set;
    };
  },
  "never-sweep": () => {
    StaleRoutes.prototype.endOfRib = () => {};
    RouteTable.prototype.sweepStale = () => {};
  },
};

/** @throws Error if there's no such fault. */
export function plant(name: string): void {
  const fault = plants[name];
  if (fault === undefined) throw new Error(`no fault "${name}"; there are ${Object.keys(plants).join(", ")}`);
  fault();
}
