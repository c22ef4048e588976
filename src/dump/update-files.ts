import { parseAddress } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { MrtEncoder, type SessionFields } from "../mrt/encode.ts";
import { isOfIpv6 } from "../mrt/message-family.ts";
import { stateNumber } from "../mrt/record.ts";
import type { State } from "../session/fsm/state.ts";
import type { Peer } from "../speaker/peer.ts";
import type { SessionWatcher } from "../speaker/peers/session-watch.ts";
import { DumpFile, namesFor } from "./dump-file.ts";

const HEADER = 19;
/** Octets that are gathered before they go to the file. */
const GATHER = 64 << 10;
/** The same in time. */
const GATHER_MS = 1000;

export interface UpdateFilesParts {
  readonly clock: Clock;
  readonly directory: string;
  readonly rotateSeconds: number;
  readonly compress: boolean;
  readonly localAs: () => number;
  /** A file couldn't be written, in words; null: all is well again. */
  readonly trouble: (text: string | null) => void;
}

/**
 * What comes in, as it comes: received UPDATEs and state changes, in files that follow one another. Sessions never wait for the disk: what
 * it doesn't take is left out, and said.
 */
export class UpdateFiles implements SessionWatcher {
  readonly #parts: UpdateFilesParts;
  readonly #encoder = new MrtEncoder();
  readonly #fields = new WeakMap<Peer, SessionFields>();
  /** Absent before the first record of an interval. */
  #file: DumpFile | null = null;
  #opening: Promise<unknown> | null = null;
  /** Until when the file at hand goes, in wall-clock milliseconds. */
  #until = 0;
  #flushTimer: Timer | null = null;
  #rotateTimer: Timer | null = null;
  #lost = 0;
  /** Files on their way to their names. */
  readonly #finishing = new Set<Promise<void>>();

  constructor(parts: UpdateFilesParts) {
    this.#parts = parts;
  }

  received(peer: Peer, bytes: Uint8Array, start: number, end: number): void {
    const { live } = peer;
    if (live === null) return;
    const { fourOctetAs, addPathReceive } = live.agreed.codec;
    const [four, six] = addPathReceive as [boolean, boolean];
    const addPath = four === six ? four : isOfIpv6(bytes, start, end) ? six : four;
    const seconds = this.#begin();
    this.#encoder.message(
      seconds,
      this.#fieldsOf(peer),
      { fourOctetAs, addPath, sent: false },
      bytes,
      start - HEADER,
      end,
    );
    this.#gathered();
  }

  stateChanged(peer: Peer, from: State, to: State): void {
    // Ends of a session are known while it lasts.
    if (from === "Connect" || from === "Active" || from === "Idle") this.#fields.delete(peer);
    const seconds = this.#begin();
    this.#encoder.stateChange(seconds, this.#fieldsOf(peer), stateNumber(from), stateNumber(to));
    this.#gathered();
  }

  /** Brings what there is to the disk, under its name. */
  async close(): Promise<void> {
    this.#rotate();
    await Promise.all(this.#finishing);
  }

  #fieldsOf(peer: Peer): SessionFields {
    const known = this.#fields.get(peer);
    if (known !== undefined) return known;
    const words = (text: string) => parseAddress(text.split("%")[0]!);
    const remote = words(peer.address);
    const local = peer.session.ends?.localAddress ?? peer.settings.localAddress;
    const localWords = local ? words(local) : [];
    const fields = {
      peerAs: peer.remoteAs ?? 0,
      localAs: peer.session.settings.profile.localAs,
      peer: remote,
      local: localWords.length === remote.length ? localWords : remote.map(() => 0),
    };
    if (peer.live !== null) this.#fields.set(peer, fields);
    return fields;
  }

  /** Seconds to write down; a new interval begins where the last is over. */
  #begin(): number {
    const now = this.#parts.clock.wallTime();
    if (now >= this.#until || now < this.#until - 2 * this.#intervalMs) this.#nextInterval(now);
    return Math.floor(now / 1000);
  }

  get #intervalMs(): number {
    return this.#parts.rotateSeconds * 1000;
  }

  #nextInterval(now: number): void {
    this.#rotate();
    this.#until = (Math.floor(now / this.#intervalMs) + 1) * this.#intervalMs;
    this.#rotateTimer = this.#parts.clock.setTimer(this.#until - now, () => this.#rotate());
  }

  #gathered(): void {
    if (this.#encoder.out.length >= GATHER) this.#flush();
    else this.#flushTimer ??= this.#parts.clock.setTimer(GATHER_MS, () => this.#flush());
  }

  #flush(): void {
    this.#flushTimer?.cancel();
    this.#flushTimer = null;
    const { out } = this.#encoder;
    if (out.length === 0) return;
    if (this.#file === null) this.#open();
    // Once open; until then it waits here, within a bound.
    if (this.#opening !== null && out.length < 16 * GATHER) return;
    if (!this.#file!.write(out.copy())) {
      if (this.#lost++ === 0) {
        const { failure } = this.#file!;
        this.#parts.trouble(
          failure?.message ?? "the disk doesn't take what comes in as fast as it comes: some is left out",
        );
      }
    }
    out.clear();
  }

  #open(): void {
    const { directory, compress, clock } = this.#parts;
    const now = clock.wallTime();
    const names = namesFor(directory, "updates", now, compress);
    const file = new DumpFile(names, `${names[0]}.part`);
    this.#file = file;
    const opening = file.open(compress).catch((error: Error) => {
      if (this.#lost++ === 0) this.#parts.trouble(error.message);
    });
    const opened = opening.then(() => {
      if (this.#opening === opened) this.#opening = null;
      if (this.#file === file) this.#flush();
    });
    this.#opening = opened;
  }

  /** The file at hand is over. */
  #rotate(): void {
    this.#rotateTimer?.cancel();
    this.#rotateTimer = null;
    this.#flush();
    const file = this.#file;
    const opening = this.#opening;
    if (file === null) return;
    const rest = opening === null ? null : this.#encoder.out.copy();
    if (rest !== null) this.#encoder.out.clear();
    this.#file = null;
    this.#opening = null;
    this.#lost = 0;
    const finishing = (async () => {
      try {
        await opening;
        if (file.failure !== null) throw file.failure;
        if (rest !== null && rest.length > 0) file.write(rest);
        await file.finish();
        this.#parts.trouble(null);
      } catch (error) {
        this.#parts.trouble((error as Error).message);
        await file.discard();
      }
    })();
    this.#finishing.add(finishing);
    void finishing.finally(() => this.#finishing.delete(finishing));
  }
}
