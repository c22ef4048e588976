import type { Config, PeerSettings } from "../../config/model.ts";
import type { Log } from "../../lib/log.ts";
import { type Listener, SocketOptionError } from "../../session/transport.ts";

/** What leaves a socket of a GTSM peer, and what it wants to hear (RFC 5082 §3). */
const GTSM_TTL = 255;

/** The TTL of what answers a SYN: with GTSM the peer's kernel drops anything lower, and no session would ever begin. */
export const listenTtl = ({ neighbors, dynamicNeighbors }: Config): number | null =>
  [...neighbors, ...dynamicNeighbors].some((peer) => peer.ttlSecurity !== null) ? GTSM_TTL : null;

/**
 * Keeps the listening sockets as the config wants them: which keys must sign (RFC 2385), and with which TTL is answered. What is the
 * same as before is left alone, so that a reload touches nobody else's key. A key that the kernel refuses is told and costs
 * its own peer only: that one can't come in, but may still be dialled.
 */
export class ListenerKeys {
  readonly #listener: Listener;
  readonly #log: Log;
  /** By address or range: the key as text. */
  #keys = new Map<string, string>();
  #ttl: number | null;

  /** @param ttl with which the listener was opened. */
  constructor(listener: Listener, ttl: number | null, log: Log) {
    this.#listener = listener;
    this.#ttl = ttl;
    this.#log = log;
  }

  get endpoints(): Listener["endpoints"] {
    return this.#listener.endpoints;
  }

  adopt(config: Config): void {
    const wanted = keysOf(config);
    for (const prefix of this.#keys.keys()) if (!wanted.has(prefix)) this.#set(prefix, null);
    for (const [prefix, key] of wanted) if (this.#keys.get(prefix) !== key) this.#set(prefix, key);
    const ttl = listenTtl(config);
    if (ttl === this.#ttl) return;
    this.#ttl = ttl;
    this.#attempt(() => this.#listener.setTtl(ttl));
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  #set(prefix: string, key: string | null): void {
    if (key === null) this.#keys.delete(prefix);
    else this.#keys.set(prefix, key);
    // What could not be set is tried again with the next config.
    if (!this.#attempt(() => this.#listener.setMd5Key(prefix, key === null ? null : Buffer.from(key))))
      this.#keys.delete(prefix);
  }

  #attempt(step: () => void): boolean {
    try {
      step();
      return true;
    } catch (error) {
      if (!(error instanceof SocketOptionError)) throw error;
      this.#log.event("error", "listen", error.message);
      return false;
    }
  }
}

function keysOf({ neighbors, dynamicNeighbors }: Config): Map<string, string> {
  const keys = new Map<string, string>();
  const add = (prefix: string, { password }: PeerSettings) => {
    if (password !== null) keys.set(prefix, password.reveal());
  };
  for (const range of dynamicNeighbors) add(range.range, range);
  for (const neighbor of neighbors) add(neighbor.address, neighbor);
  return keys;
}
