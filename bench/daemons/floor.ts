import { join } from "node:path";
import { root } from "../paths.ts";
import type { Daemon } from "./daemon.ts";

/** The bare relay: what the sockets alone cost. */
export const floor: Daemon = {
  kind: "floor",
  label: "floor",
  version: () => `bare relay, Node ${process.version}`,
  missing: () => null,
  unfit: (s, workload) =>
    workload === "paths" || s.addPath || s.policyStatements > 0 || s.ranges.some((range) => range.keepBack)
      ? "a relay decides nothing and has no policy"
      : null,
  prepare: (s) => ({
    argv: [
      process.execPath,
      join(root, "dist/bench/floor/relay.js"),
      s.address,
      "179",
      String(s.as),
      s.routerId,
      String(s.family),
    ],
  }),
};
