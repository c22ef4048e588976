import { type CapabilityCodec, expectLength } from "./row.ts";

/** Route Refresh (code 2): we answer ROUTE-REFRESH. RFC 2918 §2. */
export const routeRefresh: CapabilityCodec<"route-refresh"> = {
  code: 2,
  kind: "route-refresh",
  name: "Route Refresh",
  decode(value) {
    expectLength(value, 0);
    return { kind: "route-refresh" };
  },
  encode: () => {},
  format: () => "",
};
