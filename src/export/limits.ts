/** Bounds in octets. */
export interface GroupLimits {
  /** What a member is written in one turn of the loop before others have theirs. */
  readonly turnBytes: number;
  /** Changes wait unencoded while every member has this much to read. */
  readonly backlogBytes: number;
  /** A member that has more than both of these to read leaves the log. */
  readonly lagBytes: number;
  readonly lagBytesPerRoute: number;
}

export const defaultLimits: GroupLimits = {
  turnBytes: 256 * 1024,
  backlogBytes: 1024 * 1024,
  lagBytes: 4 * 1024 * 1024,
  lagBytesPerRoute: 16,
};
