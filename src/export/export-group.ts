import type { GroupKey } from "./group-key.ts";
import type {
  AttributeSets,
  ExportPolicyPort,
  GroupEvents,
  MemberPort,
  NextHops,
  Routes,
  Sources,
  WithheldReason,
} from "./ports.ts";

export interface GroupParts {
  readonly key: GroupKey;
  readonly routes: Routes;
  readonly sets: AttributeSets;
  readonly nextHops: NextHops;
  readonly sources: Sources;
  readonly policy: ExportPolicyPort;
  readonly events: GroupEvents;
}

/** A peer in a group; numbers are for views and metrics. */
export interface Member {
  readonly source: number;
  readonly state: "evaluating" | "walking" | "following";
  /** Routes that the group tells it. */
  readonly advertised: number;
  /** Bytes that are encoded for it and not yet handed to its socket. */
  readonly queuedBytes: number;
}

export interface Explained {
  readonly sent: boolean;
  /** In words. */
  readonly reason: string;
}

/** The peers that are sent the same bytes, and what they were told. Bodies follow. */
export interface ExportGroupApi {
  readonly key: GroupKey;
  /** Paths per prefix that were told, for all members together. */
  readonly told: number;
  readonly withheld: Readonly<Record<WithheldReason, number>>;
  /** The RIB's consumer port. */
  changed(prefixId: number): void;
  /** A new member: it is told the whole table, then End-of-RIB. */
  join(port: MemberPort): Member;
  /** A member of another group of the same session: is told the difference only. */
  moveFrom(group: ExportGroupApi, member: Member): Member;
  leave(member: Member): void;
  /** ROUTE-REFRESH (RFC 2918), between BoRR and EoRR if `demarcated` (RFC 7313). */
  refresh(member: Member, demarcated: boolean): void;
  /** The policy changed: everything is evaluated again, the difference is sent. */
  reevaluate(policy: ExportPolicyPort): void;
  /** Works off at most `budget` units (about a prefix each); true if nothing is left to do now. `drain` false: members are served, changes wait. */
  flush(budget: number, drain?: boolean): boolean;
  /** About once a second: lets go of what was kept for latecomers. */
  tick(): void;
  /** Lets go of everything, in slices; true when done. */
  close(budget: number): boolean;
}
