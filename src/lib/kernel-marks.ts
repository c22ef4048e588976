/**
 * What a policy says of a path's kernel route. It stands beside the next hop, under whose id it is known: the next hop is what a
 * kernel route is made of, and two paths that differ in this alone are two all the way to the kernel.
 */
export interface KernelMarks {
  /** Share of this path's next hop among equal paths, 1 to 256; absent: 1. */
  readonly weight?: number;
  /** Packets are thrown away. */
  readonly blackhole?: boolean;
  /** False: kept out of the kernel. */
  readonly install?: boolean;
}

/** For people: "weight 10, blackhole". */
export function describeKernelMarks({ weight, blackhole, install }: KernelMarks): string {
  const parts: string[] = [];
  if (weight !== undefined) parts.push(`weight ${weight}`);
  if (blackhole !== undefined) parts.push(blackhole ? "blackhole" : "no blackhole");
  if (install !== undefined) parts.push(install ? "into the kernel" : "not into the kernel");
  return parts.join(", ");
}
