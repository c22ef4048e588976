/** The states of RFC 4271 §8.2.2. */
export type State = "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established";

/** In the order in which a session goes through them. */
export const states: readonly State[] = ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"];
