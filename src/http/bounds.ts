/** What one HTTP server of ours may cost, whoever asks and however. Every server has all of these bounds. */
export interface HttpBounds {
  /** Connections at a time. One more takes the place of the one that has been idle for the longest. */
  readonly connections: number;
  /** Requests that are answered at a time, one on each connection; one more is refused (503) unless one is stuck. */
  readonly requests: number;
  /** Of those, requests from one address; one more is refused (429). A unix socket has no addresses. */
  readonly requestsPerAddress: number;
  /** Of those, long answers (tables); one more is refused (503) unless one is stuck. */
  readonly longAnswers: number;
  /** Octets of answers that clients haven't taken, in all: above it requests are refused (503). */
  readonly queuedOctets: number;
  /** Octets of request bodies held at a time, in all: above it requests with a body are refused (503). */
  readonly bodyOctets: number;
  /** Octets of a request's head. */
  readonly headOctets: number;
  /** A request that isn't complete so long after its first octet (head, then body), ends its connection. */
  readonly requestMs: number;
  /** How long a connection may be idle before, between and after requests. */
  readonly idleMs: number;
  /** A client that doesn't take a piece of its answer (some 64 KiB) for so long is cut off ... */
  readonly stallMs: number;
  /** ... and after so long already when another waits for its place. */
  readonly giveWayMs: number;
}

const MIB = 1 << 20;

export const defaultBounds: HttpBounds = {
  connections: 64,
  requests: 48,
  requestsPerAddress: 24,
  longAnswers: 16,
  queuedOctets: 32 * MIB,
  bodyOctets: 32 * MIB,
  headOctets: 16 * 1024,
  requestMs: 10_000,
  idleMs: 5_000,
  stallMs: 30_000,
  giveWayMs: 1_000,
};
