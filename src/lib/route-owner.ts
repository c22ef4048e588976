/** A kernel route of another owner, for people: "boot" is what `ip route add` writes, and few know that it does. */
export function foreignRoute(owner: string | null | undefined): string {
  if (owner === null || owner === undefined) return "a route of somebody else";
  return owner === "boot" ? "a route added by hand or at boot (proto boot)" : `a route of ${owner}`;
}
