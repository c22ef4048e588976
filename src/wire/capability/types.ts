import type { Family } from "../../lib/family.ts";

/** One (AFI, SAFI) as it stands on the wire; `family` is undefined for what isn't spoken here. */
export interface WireFamily {
  readonly afi: number;
  readonly safi: number;
  readonly family: Family | undefined;
}

/** RFC 4760 §8, code 1. */
export interface MultiprotocolCapability extends WireFamily {
  readonly kind: "multiprotocol";
}

/** RFC 2918 §2, code 2. */
export interface RouteRefreshCapability {
  readonly kind: "route-refresh";
}

/** RFC 8950 §4, code 5: NLRI families that may have a next hop of another AFI. */
export interface ExtendedNextHopCapability {
  readonly kind: "extended-next-hop";
  readonly entries: readonly (WireFamily & { readonly nextHopAfi: number })[];
}

/** RFC 8654 §3, code 6. */
export interface ExtendedMessageCapability {
  readonly kind: "extended-message";
}

/** RFC 9234 §4.1, code 9. */
export interface RoleCapability {
  readonly kind: "role";
  /** 0 provider, 1 route server, 2 route server client, 3 customer, 4 peer; others are kept as found. */
  readonly role: number;
}

/** RFC 4724 §3, code 64; N: RFC 8538 §2. */
export interface GracefulRestartCapability {
  readonly kind: "graceful-restart";
  readonly restarted: boolean;
  readonly notification: boolean;
  /** 0 to 4095. */
  readonly restartTimeSeconds: number;
  readonly families: readonly (WireFamily & { readonly forwarding: boolean })[];
}

/** RFC 9494 §3.1, code 71. */
export interface LongLivedGracefulRestartCapability {
  readonly kind: "long-lived-graceful-restart";
  /** `staleTimeSeconds` is 0 to 16777215. */
  readonly families: readonly (WireFamily & { readonly forwarding: boolean; readonly staleTimeSeconds: number })[];
}

/** RFC 6793 §3, code 65. */
export interface FourOctetAsCapability {
  readonly kind: "four-octet-as";
  readonly as: number;
}

/** RFC 7911 §4, code 69. */
export interface AddPathCapability {
  readonly kind: "add-path";
  readonly families: readonly (WireFamily & { readonly receive: boolean; readonly send: boolean })[];
}

/** RFC 7313 §3.1, code 70. */
export interface EnhancedRouteRefreshCapability {
  readonly kind: "enhanced-route-refresh";
}

/** draft-walton-bgp-hostname-capability, code 73. Text of the other side: escape before showing. */
export interface FqdnCapability {
  readonly kind: "fqdn";
  readonly host: string;
  readonly domain: string;
}

/** What we don't know, kept for display. */
export interface UnknownCapability {
  readonly kind: "unknown";
  readonly code: number;
  readonly value: Uint8Array;
}

export type Capability =
  | MultiprotocolCapability
  | RouteRefreshCapability
  | ExtendedNextHopCapability
  | ExtendedMessageCapability
  | RoleCapability
  | GracefulRestartCapability
  | FourOctetAsCapability
  | AddPathCapability
  | EnhancedRouteRefreshCapability
  | LongLivedGracefulRestartCapability
  | FqdnCapability
  | UnknownCapability;

export type CapabilityKind = Capability["kind"];
