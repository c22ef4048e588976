import type { Operation, RemoteVtep, VxlanChange, VxlanDevice } from "./records.ts";

/**
 * Devices and their entries, changed by the same writer as routes. Each answer comes once: null, or why not. Requests wait
 * while there is no writer; those that were under way when it died are answered with that.
 */
export interface DevicePort {
  vxlan(device: VxlanDevice, answer: DeviceAnswer): void;
  /** Changes one in place and sets it up. EOPNOTSUPP: this kernel can't. */
  vxlanChange(change: VxlanChange, answer: DeviceAnswer): void;
  /** Sets an interface up and its MTU (0 = leave it), or removes it. */
  linkSetting(ifindex: number, mtu: number, remove: boolean, answer: DeviceAnswer): void;
  neighbour(operation: Operation, remote: RemoteVtep, answer: DeviceAnswer): void;
  /** Called each time a writer is ready, the first time too (at once if it is). Returns how to leave. */
  onWriter(listener: () => void): () => void;
}

/** Null, or a sentence and the errno that it stands for (0 = none). */
export type DeviceAnswer = (trouble: string | null, errno: number) => void;
