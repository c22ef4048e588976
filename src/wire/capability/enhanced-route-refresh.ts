import { type CapabilityCodec, expectLength } from "./row.ts";

/** Enhanced Route Refresh (code 70): a re-advertisement has a marked beginning and end. RFC 7313 §3.1. */
export const enhancedRouteRefresh: CapabilityCodec<"enhanced-route-refresh"> = {
  code: 70,
  kind: "enhanced-route-refresh",
  name: "Enhanced Route Refresh",
  decode(value) {
    expectLength(value, 0);
    return { kind: "enhanced-route-refresh" };
  },
  encode: () => {},
  format: () => "",
};
