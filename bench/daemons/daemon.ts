/** What every daemon is asked to be: a pure reflector for dynamic neighbors, with no kernel FIB and its timers at their fastest. */
export interface ReflectorSettings {
  readonly as: number;
  /** Where it listens, on port 179 of the bench's own namespace. */
  readonly address: string;
  /** Router id and cluster id at once. */
  readonly routerId: string;
  readonly family: 4 | 6;
  /** Neighbors may come from anywhere in these, all of them reflector clients. */
  readonly ranges: readonly GroupRange[];
  /** Sends every path it has (RFC 7911). */
  readonly addPath: boolean;
  readonly holdTimeSeconds: number;
  /** Import policy statements that all match nothing but are all evaluated, as a measure of what policy costs. */
  readonly policyStatements: number;
}

export interface GroupRange {
  readonly name: string;
  readonly prefix: string;
  /** An export policy of its own: routes with this community (as AS:VALUE) are not sent. */
  readonly keepBack: string | null;
}

/** How to start one kind of daemon. */
export interface Daemon {
  /** As named by --peers. */
  readonly kind: string;
  /** As shown in tables. */
  readonly label: string;
  /** The program's own word, for the record. */
  version(): string;
  /** Why it can't run here, or null. */
  missing(): string | null;
  /** Why it can't be asked for this, or null. */
  unfit(settings: ReflectorSettings, workload: string): string | null;
  /** Writes its configuration into `folder`; what is returned is run in the namespace. */
  prepare(settings: ReflectorSettings, folder: string): Command;
}

export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}
