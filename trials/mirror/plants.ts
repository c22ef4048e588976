import { Outcomes } from "../../src/fib/outcomes.ts";
import { Doubts } from "../../src/kernel/doubts.ts";
import { ForeignRoutes } from "../../src/kernel/foreign-routes.ts";
import { Operation } from "../../src/kernel/records.ts";
import { RouteShelf } from "../../src/kernel/route-shelf.ts";
import { KernelRoutes } from "../../src/kernel/routes.ts";

/** Faults that are put into the real code on purpose, to see that a walk finds them. */
export const plants: Readonly<Record<string, () => void>> = {
  /** One route for each prefix, table, metric and owner, as it once was. */
  "one-of-an-owner": () => {
    const { insert } = RouteShelf.prototype;
    RouteShelf.prototype.insert = function (view, hops, identities, order, change) {
      const same = this.ofPlace(view).find(({ route }) => route.protocol === view.protocol);
      if (same === undefined) insert.call(this, view, hops, identities, order, change);
      else this.take(same, view, hops, identities, change);
    };
    Doubts.prototype.raise = () => {};
  },
  "append-in-front": () => {
    const { arrived } = ForeignRoutes.prototype;
    ForeignRoutes.prototype.arrived = function (view, arrival, ours) {
      return arrived.call(this, view, arrival === "append" ? "add" : arrival, ours);
    };
  },
  "replace-adds": () => {
    const { arrived } = ForeignRoutes.prototype;
    ForeignRoutes.prototype.arrived = function (view, arrival, ours) {
      return arrived.call(this, view, arrival === "replace" ? "add" : arrival, ours);
    };
    Doubts.prototype.raise = () => {};
  },
  "never-read-again": () => {
    Doubts.prototype.raise = () => {};
  },
  "forget-objects": () => {
    KernelRoutes.prototype.objectChanged = () => {};
  },
  "delete-once": () => {
    const { succeeded } = Outcomes.prototype;
    Outcomes.prototype.succeeded = function (table, id, operation, target) {
      if (operation === Operation.Delete) table.twins.delete(id);
      succeeded.call(this, table, id, operation, target);
    };
  },
  "blind-beside": () => {
    ForeignRoutes.prototype.isBeside = () => false;
  },
};
