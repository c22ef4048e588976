import { resized } from "../lib/columns/growth.ts";

/** Who announced a path, as far as decision, export and views depend on it. */
export interface SourceInfo {
  readonly kind: "local" | "internal" | "external";
  /** Whether the peer is a client of ours (RFC 4456 §6). */
  readonly client: boolean;
  readonly remoteAs: number;
  /** BGP identifier as a word: the tie-breaker of RFC 4271 §9.1.2.2 f. */
  readonly routerId: number;
  /** The peer's address as words: the last tie-breaker. Empty for own routes. */
  readonly address: readonly number[];
  /** The address as text, "self" for own routes. */
  readonly peer: string;
  /** For people: description or host name; may be empty. */
  readonly name: string;
}

/** As in `SourceTable.kind`, ordered as the decision prefers them; 0 is a free id. */
export const SourceKind = { Internal: 1, External: 2, Local: 3 } as const;
const kinds = { internal: SourceKind.Internal, external: SourceKind.External, local: SourceKind.Local } as const;

/** The source of own routes. */
export const LOCAL_SOURCE = 1;
const MAX_SOURCES = 0xffff;
/** Freed ids that rest before the first of them is used again: whoever still knows an old one has long forgotten it. */
const RESTING = 256;

/**
 * Sources are small integers, one per incarnation of a session: a peer that comes back while its old paths are still
 * being removed gets a new one, so the two never mix.
 */
export class SourceTable {
  /** `SourceKind` by id, 0 where there's none. Columns grow: never keep one across an `add`. */
  kind = new Uint8Array(8);
  /** BGP identifier by id. */
  routerId = new Uint32Array(8);
  readonly #infos: (SourceInfo | undefined)[] = [undefined];
  readonly #free: number[] = [];

  /** `local` describes the source of own routes, id LOCAL_SOURCE. */
  constructor(local: { readonly as: number; readonly routerId: number }) {
    const address: number[] = [];
    const { as: remoteAs, routerId } = local;
    this.add({ kind: "local", client: false, remoteAs, routerId, address, peer: "self", name: "" });
  }

  /** Every id in use is below this. */
  get limit(): number {
    return this.#infos.length;
  }

  /** @throws RangeError when 65,535 sources are in use. */
  add(info: SourceInfo): number {
    const fresh = this.#infos.length <= MAX_SOURCES && this.#free.length <= RESTING;
    const id = fresh ? this.#infos.length : this.#free.shift();
    if (id === undefined) throw new RangeError(`more than ${MAX_SOURCES} sources of routes`);
    if (id >= this.kind.length) this.#grow();
    this.#set(id, info);
    return id;
  }

  /** Replaces what is known of a source whose session goes on: a reload made it a client, say. */
  update(id: number, info: SourceInfo): void {
    if (this.#infos[id] === undefined) throw new Error(`no source ${id}`);
    this.#set(id, info);
  }

  /** Frees an id. The caller has seen to it that no path names it any more. */
  remove(id: number): void {
    if (this.#infos[id] === undefined || id === LOCAL_SOURCE) throw new Error(`no source ${id} to remove`);
    this.#infos[id] = undefined;
    this.kind[id] = 0;
    this.#free.push(id);
  }

  info(id: number): SourceInfo | undefined {
    return this.#infos[id];
  }

  #set(id: number, info: SourceInfo): void {
    this.#infos[id] = info;
    this.kind[id] = kinds[info.kind];
    this.routerId[id] = info.routerId;
  }

  /** At most to 64 K elements: there are no more sources. */
  #grow(): void {
    this.kind = resized(this.kind, this.kind.length * 2);
    this.routerId = resized(this.routerId, this.kind.length);
  }
}
