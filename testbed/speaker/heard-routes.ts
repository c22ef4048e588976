import { eachAttribute, prefixText, type UpdateSink } from "./update.ts";

export interface ReceivedAttribute {
  readonly flags: number;
  readonly value: string;
}

/** A route as a daemon told it: attributes by code, in hex; MP_REACH_NLRI and MP_UNREACH_NLRI are left out. */
export type Told = ReadonlyMap<number, ReceivedAttribute>;

/** All that was announced and not withdrawn again, by prefix, attributes and all. */
export class HeardRoutes implements UpdateSink {
  /** By prefix as `prefixText` writes it. */
  readonly routes = new Map<string, Told>();
  /** Announcements, each time that there was one. */
  announced = 0;
  readonly #withdrawn: ((prefix: string) => void) | undefined;
  #told: Told = new Map();

  /** @param withdrawn called for each route that is withdrawn. */
  constructor(withdrawn?: (prefix: string) => void) {
    this.#withdrawn = withdrawn;
  }

  withdraw(bytes: Buffer, at: number, family: 4 | 6): void {
    const prefix = prefixText(bytes, at, family);
    if (this.routes.delete(prefix)) this.#withdrawn?.(prefix);
  }

  attributes(bytes: Buffer, start: number, end: number): void {
    const told = new Map<number, ReceivedAttribute>();
    eachAttribute(bytes, start, end, (code, value, valueEnd, at) => {
      if (code !== 14 && code !== 15)
        told.set(code, { flags: bytes[at]!, value: bytes.toString("hex", value, valueEnd) });
    });
    this.#told = told;
  }

  announce(bytes: Buffer, at: number, family: 4 | 6): void {
    this.announced++;
    this.routes.set(prefixText(bytes, at, family), this.#told);
  }
}
