import type { MemberPort } from "../export-ports.ts";
import type { Progress } from "../told/pending.ts";
import type { Cursor } from "../told/update-log.ts";
import type { CatchUp } from "./catch-up.ts";
import type { Follower } from "./deliveries.ts";
import type { GroupMove } from "./group-move.ts";

/** What is written to a member once it has everything: RFC 4724 §2, RFC 7313 §4. */
export type Ending = "end-of-rib" | "end-of-refresh";

/** A peer in a group. Views and metrics read it; only its group changes it. */
export class Member implements Follower {
  readonly port: MemberPort;
  readonly source: number;
  /** Where it reads: in the group's log, or in `catch-up`'s if it has one. Null while it lags, or waits to move here. */
  cursor: Cursor | null = null;
  catchUp: CatchUp | null = null;
  /** Left the log: it has not heard what was told in this epoch or later. -1: it does not lag. */
  lagsSince = -1;
  /** Comes from another group: goes on when the group has evaluated so far. */
  waitsFor: Progress | null = null;
  move: GroupMove | null = null;
  /** Small messages of its own, to be written before anything else. */
  readonly own: Uint8Array[] = [];
  ending: Ending | null = null;
  endsAt: Progress | null = null;
  refresh: "none" | "plain" | "demarcated" = "none";
  outstanding = false;
  pumping = false;
  gone = false;
  /** Turn of the group's work, and octets written in it. */
  turn = 0;
  turnBytes = 0;
  passed = 0;
  /** Octets and messages handed to its socket, ever. */
  bytesSent = 0;
  messagesSent = 0;
  /** Times that it fell out of the log. */
  resyncs = 0;
  /** The member of another group that goes on with this one's socket. */
  successor: Member | null = null;
  /** Bound once, since it's handed over with each write. */
  readonly taken: () => void;

  constructor(port: MemberPort, taken: (member: Member) => void) {
    this.port = port;
    this.source = port.source;
    this.taken = () => taken(this);
  }

  /** Whether it reads the group's log. */
  get follows(): boolean {
    return this.cursor !== null && this.catchUp === null;
  }

  get state(): "waiting" | "walking" | "lagging" | "following" {
    if (this.waitsFor !== null) return "waiting";
    if (this.catchUp !== null) return "walking";
    return this.lagsSince >= 0 ? "lagging" : "following";
  }
}
