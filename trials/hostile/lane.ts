import type { Daemon } from "../../testbed/daemons/daemon.ts";
import type { Host } from "../../testbed/lab.ts";
import type { Tool } from "../../testbed/obstacle.ts";

/** How many attackers of each kind a daemon has as neighbors: each case is a neighbor of its own, so that no case is damped for another. */
export const attackersPerKind = 500;

export const dutAs = 65001;
export const externalAs = 64999;
export const bystanderAs = 65099;

/** Addresses of one daemon and its peers. All peers live in one namespace, the daemon in its own. */
export class Lane {
  readonly index: number;
  readonly net: string;

  constructor(index: number) {
    this.index = index;
    this.net = `10.${10 + index}`;
  }

  /** The daemon under test. */
  get dut(): string {
    return `${this.net}.0.1`;
  }
  get dut6(): string {
    return `fd00:${this.index}::1`;
  }
  /** Internal, reflector client, at most 4096 octets a message. */
  get witness(): string {
    return `${this.net}.0.2`;
  }
  /** External, takes extended messages. */
  get bystander(): string {
    return `${this.net}.0.3`;
  }
  /** Nobody's neighbor. */
  get stranger(): string {
    return `${this.net}.9.9`;
  }
  internal(index: number): string {
    return `${this.net}.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;
  }
  external(index: number): string {
    return `${this.net}.${3 + Math.floor(index / 250)}.${1 + (index % 250)}`;
  }
  get internals(): string[] {
    return Array.from({ length: attackersPerKind }, (_, i) => this.internal(i));
  }
  get externals(): string[] {
    return Array.from({ length: attackersPerKind }, (_, i) => this.external(i));
  }
  /** All addresses on the peers' side, with their prefix length. */
  get peerAddresses(): string[] {
    const four = [this.witness, this.bystander, this.stranger, ...this.internals, ...this.externals];
    return [...four.map((address) => `${address}/16`), `fd00:${this.index}::2/64`];
  }
}

/** A daemon that runs. */
export interface Subject {
  /** Every process of which the end is the end. */
  readonly daemons: readonly Daemon[];
  /** Process whose memory and CPU are looked at. */
  readonly pid: number;
  stop(): void;
}

/** How one daemon is set up with a witness, a bystander and attackers, all of them passive neighbors with both families. */
export interface Driver {
  readonly name: string;
  /** Without them it can't run. */
  readonly needs: readonly Tool[];
  version(): string;
  start(host: Host, lane: Lane): Promise<Subject>;
}
