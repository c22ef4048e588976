/** What records of the writer's protocol carry beside routes; spoken by both sides and by those who ask for devices. */

export const Operation = { Create: 1, Replace: 2, Delete: 3 } as const;
export type Operation = (typeof Operation)[keyof typeof Operation];

/** One next hop of a route as the kernel takes it. */
export interface FibHop {
  /** Gateway; null for a route straight onto the link. Four words under an IPv4 prefix are RTA_VIA (RFC 8950). */
  readonly via: readonly number[] | null;
  /** Outgoing interface; 0 lets the kernel find it from the gateway. */
  readonly ifindex: number;
  /** The gateway is taken to be on this link although no connected route says so (RTNH_F_ONLINK). */
  readonly onlink: boolean;
  /** Share among the hops of a multipath route, 1 to 256. */
  readonly weight: number;
}

/** What a group of routes does with its packets. A blackhole has no hops. */
export interface FibTarget {
  readonly type: "unicast" | "blackhole";
  readonly nextHops: readonly FibHop[];
}

/** A nexthop object: one gateway, or a group of such with weights. */
export type NexthopObject =
  | { readonly kind: "gateway"; readonly hop: FibHop }
  | { readonly kind: "group"; readonly members: readonly { readonly id: number; readonly weight: number }[] };

export interface VxlanDevice {
  /** Number that it is to have, so that what leads there needs no other; 0 leaves it to the kernel. */
  readonly ifindex: number;
  readonly name: string;
  readonly vni: number;
  readonly port: number;
  /** Outer source address; also decides the outer family. */
  readonly local: readonly number[];
  /** Six octets. */
  readonly hardwareAddress: Uint8Array;
  /** 0 leaves it to the kernel. */
  readonly mtu: number;
}

/** What the kernel changes of a VXLAN device that is there: routes over it stay, its neighbour entries go with another MAC. */
export interface VxlanChange {
  readonly ifindex: number;
  /** Null leaves it. The family must stay. */
  readonly local: readonly number[] | null;
  /** Six octets; null leaves it. */
  readonly hardwareAddress: Uint8Array | null;
  /** What `ip link` shows as alias. */
  readonly alias: string;
}

/** Where frames for one remote VTEP go: its neighbour entry (address to MAC) and its FDB entry (MAC to underlay). */
export interface RemoteVtep {
  readonly ifindex: number;
  readonly address: readonly number[];
  /** Six octets. */
  readonly hardwareAddress: Uint8Array;
}

/** What the writer did since it started. */
export interface WriterStats {
  readonly userCpuMicros: number;
  readonly systemCpuMicros: number;
  readonly records: number;
  readonly sends: number;
}
