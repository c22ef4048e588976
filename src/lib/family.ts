/**
 * The address families that are spoken here. A family is a small number, so that it can index an array.
 * Wire codes (AFI, SAFI: RFC 4760 §3) stand beside the name; nothing else in the project knows them.
 */
export const Family = { Ipv4Unicast: 0, Ipv6Unicast: 1 } as const;
export type Family = (typeof Family)[keyof typeof Family];

export type FamilyName = "ipv4-unicast" | "ipv6-unicast";

export const families: readonly Family[] = [Family.Ipv4Unicast, Family.Ipv6Unicast];

const names: readonly FamilyName[] = ["ipv4-unicast", "ipv6-unicast"];
const afis = [1, 2] as const;

/** SAFI 1, unicast: the only one that is spoken here. */
export const SAFI_UNICAST = 1;

export const familyName = (family: Family): FamilyName => names[family] as FamilyName;

/** AFI of a family: 1 for IPv4, 2 for IPv6. */
export const afiOf = (family: Family): number => afis[family];

/** The family of an (AFI, SAFI) pair, or undefined if it is not spoken here. */
export function familyOf(afi: number, safi: number): Family | undefined {
  if (safi !== SAFI_UNICAST) return undefined;
  if (afi === 1) return Family.Ipv4Unicast;
  return afi === 2 ? Family.Ipv6Unicast : undefined;
}

export function familyFromName(name: string): Family | undefined {
  const index = names.indexOf(name as FamilyName);
  return index < 0 ? undefined : (index as Family);
}
