import type { DevicePort } from "../kernel/device-port.ts";
import type { KernelNeighbour } from "../kernel/reader.ts";
import { Operation } from "../kernel/records.ts";
import { compareAddresses, formatAddress } from "../lib/address.ts";
import { vtepHardwareAddress } from "./choose.ts";
import { macOf } from "./own-device.ts";

/** Where a remote's entries are to be: the number changes when the device is made anew, 0 while there's none. */
export interface Carrier {
  readonly ifindex: number;
}

type Refused = (carrier: Carrier, address: string, trouble: string, errno: number) => void;

interface Remote {
  readonly words: readonly number[];
  readonly mac: string;
  carrier: Carrier;
  /** Number of the device that was told of it; 0: none. */
  told: number;
}

/**
 * The neighbour and FDB entries of our VXLAN devices, one pair for each next hop in use. Those that somebody removes or
 * changes are told again at the next `tell`.
 */
export class RemoteEntries {
  readonly #devices: DevicePort;
  /** Called with the kernel's reason when an entry can't be had. */
  readonly #refused: Refused;
  /** By address, as text. */
  readonly #remotes = new Map<string, Remote>();
  /** By hardware address, as text. */
  readonly #byMac = new Map<string, Remote>();
  /** Those whose device wasn't told of them. */
  readonly #untold = new Set<Remote>();
  /** Number that a carrier had when it was told last. */
  readonly #toldAs = new WeakMap<Carrier, number>();
  #frozen = false;

  constructor(devices: DevicePort, refused: Refused) {
    this.#devices = devices;
    this.#refused = refused;
  }

  /** A next hop is reached by this device from now on; the device is told at once if it is `ready`. */
  keep(words: readonly number[], carrier: Carrier, ready: boolean): void {
    const name = formatAddress(words);
    const known = this.#remotes.get(name);
    if (known?.carrier === carrier) return;
    const remote: Remote = { words, mac: known?.mac ?? macOf(words), carrier, told: known?.told ?? 0 };
    this.#remotes.set(name, remote);
    this.#byMac.set(remote.mac, remote);
    if (known !== undefined) this.#untold.delete(known);
    this.#untold.add(remote); // this carrier wasn't, whatever another one was
    if (ready) this.#tell(remote);
  }

  drop(words: readonly number[]): void {
    if (this.#remotes.size === 0) return;
    const name = formatAddress(words);
    const remote = this.#remotes.get(name);
    if (remote === undefined || this.#frozen) return;
    this.#remotes.delete(name);
    if (this.#byMac.get(remote.mac) === remote) this.#byMac.delete(remote.mac);
    this.#untold.delete(remote);
    if (remote.told !== 0) this.#delete(remote.told, remote.words);
  }

  /** Entries that are there stay from now on, used or not. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Gives the device the entries that it lacks. */
  tell(carrier: Carrier): void {
    if (this.#toldAs.get(carrier) !== carrier.ifindex) {
      this.#toldAs.set(carrier, carrier.ifindex);
      for (const remote of this.#remotes.values())
        if (remote.carrier === carrier && remote.told !== carrier.ifindex) this.#untold.add(remote);
    }
    for (const remote of [...this.#untold]) if (remote.carrier === carrier) this.#tell(remote);
  }

  /** The device has lost its entries. */
  untell(ifindex: number): void {
    for (const remote of this.#remotes.values()) if (remote.told === ifindex) this.#untell(remote);
  }

  untellAll(): void {
    for (const remote of this.#remotes.values()) this.#untell(remote); // replacing an entry by itself does no harm
  }

  #untell(remote: Remote): void {
    remote.told = 0;
    this.#untold.add(remote);
  }

  /** An entry as ours would be is ours. Any other in its place is put right when the burst of events is over. */
  changed(entry: KernelNeighbour, present: boolean): void {
    const { address, hardwareAddress, forwarding, permanent, ifindex } = entry;
    const remote = forwarding
      ? this.#byMac.get(hardwareAddress ?? "")
      : address === null
        ? undefined
        : this.#remotes.get(formatAddress(address));
    if (remote === undefined || remote.told !== ifindex) return;
    const sameAddress = address !== null && compareAddresses(address, remote.words) === 0;
    if (!present || hardwareAddress !== remote.mac || !sameAddress || !permanent) this.#untell(remote);
  }

  /** Tells again what an earlier run left and nobody asked for yet: routes of that run need it until they are swept. */
  restore(ifindex: number, entries: readonly KernelNeighbour[]): void {
    for (const address of this.#leftovers(entries)) this.#create(ifindex, address, () => {});
  }

  /** Removes what an earlier run left and nobody has asked for. */
  sweep(ifindex: number, entries: readonly KernelNeighbour[]): void {
    for (const address of this.#leftovers(entries)) this.#delete(ifindex, address);
  }

  /** An entry is one of ours if it is permanent and its MAC follows from its address by our rule. */
  #leftovers(entries: readonly KernelNeighbour[]): Iterable<readonly number[]> {
    const leftover = new Map<string, readonly number[]>();
    for (const { address, hardwareAddress, permanent } of entries)
      if (
        permanent &&
        address !== null &&
        hardwareAddress === macOf(address) &&
        !this.#remotes.has(formatAddress(address))
      )
        leftover.set(formatAddress(address), address);
    return leftover.values();
  }

  #tell(remote: Remote): void {
    const { carrier } = remote;
    const { ifindex } = carrier;
    this.#untold.delete(remote);
    if (remote.told === ifindex) return;
    remote.told = ifindex;
    this.#create(ifindex, remote.words, (trouble, errno) => {
      if (trouble === null || remote.told !== ifindex) return;
      this.#untell(remote);
      this.#refused(carrier, formatAddress(remote.words), trouble, errno);
    });
  }

  #create(ifindex: number, address: readonly number[], answer: Parameters<DevicePort["neighbour"]>[2]): void {
    const remote = { ifindex, address, hardwareAddress: vtepHardwareAddress(address) };
    this.#devices.neighbour(Operation.Create, remote, answer);
  }

  #delete(ifindex: number, address: readonly number[]): void {
    const remote = { ifindex, address, hardwareAddress: vtepHardwareAddress(address) };
    this.#devices.neighbour(Operation.Delete, remote, () => {});
  }
}
