import type { DevicePort } from "../kernel/device-port.ts";
import type { KernelAddress, KernelLink, KernelNeighbour, KernelReader } from "../kernel/reader.ts";
import { type FibHop, Operation } from "../kernel/records.ts";
import * as nl from "../kernel/rtnetlink/constants.ts";
import { compareAddresses, formatAddress } from "../lib/address.ts";
import type { Log } from "../lib/log.ts";
import {
  chooseTunnel,
  countsAsSubnet,
  hardwareAddressText,
  namePattern,
  type TunnelRule,
  tunnelOverhead,
  vtepHardwareAddress,
} from "./choose.ts";

export interface TunnelOptions {
  readonly rules: readonly TunnelRule[];
  /** The node's own address: outer source, and what others reach us by. */
  readonly address: readonly number[];
  /** Interfaces whose subnets are not the node's (`kernel.ignore-interfaces`). */
  readonly ignoreInterfaces: readonly string[];
  readonly reader: KernelReader;
  readonly devices: DevicePort;
  readonly log: Log;
}

/** How a next hop is reached: through `hop`, or not now for the reason given. */
export type TunnelAnswer = { readonly hop: FibHop } | { readonly trouble: string };

interface Device {
  readonly rule: TunnelRule;
  ifindex: number;
  /** Why the device can't be used. */
  trouble: string | null;
  /** A request on it is under way, or was done and its link event has not come yet. */
  busy: boolean;
  /** The MTU that we asked for last; somebody who changes it afterwards is reported, not fought. */
  askedMtu: number;
  /** Last report, so that each is made once. */
  reported: string;
}

/**
 * The tunnels of this node. For IPIP the device is the kernel's `tunl0`: the route's next hop is the outer destination. A
 * VXLAN device is ours: made, removed and kept with its neighbour and FDB entries, one pair per next hop in use, never
 * learned. Entries that somebody removes or changes are put right as the kernel tells of it; those that an earlier run left
 * and nobody uses go with `sweep`. A device that exists with other settings than ours is somebody else's: it is reported, and not used.
 */
export class Tunnels {
  readonly #options: TunnelOptions;
  readonly #devices: readonly Device[];
  readonly #ignored: (name: string) => boolean;
  readonly #addresses = new Map<string, KernelAddress>();
  /** Next hops in use, by text. */
  readonly #remotes = new Map<string, { readonly words: readonly number[]; told: number }>();
  readonly #leave: (() => void)[] = [];
  #subnets: readonly KernelAddress[] = [];
  #onChange: () => void = () => {};
  #state = "";
  #closed = false;
  #frozen = false;

  constructor(options: TunnelOptions) {
    this.#options = options;
    const tunnelNames = options.rules.map((rule) => rule.device);
    const ignored = namePattern(options.ignoreInterfaces);
    this.#ignored = (name) => ignored(name) || tunnelNames.includes(name);
    this.#devices = options.rules
      .filter((rule) => rule.when !== "never")
      .map((rule) => ({
        rule,
        ifindex: 0,
        trouble: "the kernel was not read yet",
        busy: false,
        askedMtu: 0,
        reported: "",
      }));
    const key = (address: KernelAddress) => `${address.ifindex} ${formatAddress(address.words)}/${address.length}`;
    this.#leave.push(
      options.reader.subscribe({
        address: (address) => this.#addresses.set(key(address), address),
        addressGone: (address) => this.#addresses.delete(key(address)),
        linkGone: (link) => this.#gone(link),
        link: (link) => this.#link(link),
        neighbour: (entry) => this.#entryChanged(entry, true),
        neighbourGone: (entry) => this.#entryChanged(entry, false),
        lost: () => this.#untellAll(),
        synced: () => this.#reconcile(),
      }),
    );
    this.#leave.push(options.devices.onWriter(() => this.#writerCame()));
  }

  /** Called when answers of `reach` may be other ones than before. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** Null if the next hop is reached without a tunnel. Entries for it are kept until `forget`. */
  reach(nextHop: readonly number[]): TunnelAnswer | null {
    const rule = chooseTunnel(this.#options.rules, nextHop, this.#options.address, this.#subnets);
    const name = formatAddress(nextHop);
    if (rule === null) {
      this.#drop(name);
      return null;
    }
    const device = this.#devices.find((each) => each.rule === rule)!;
    if (rule.kind === "vxlan" && !this.#remotes.has(name)) {
      this.#remotes.set(name, { words: nextHop, told: 0 });
      this.#tellRemotes(device);
    }
    if (device.trouble !== null) return { trouble: `Tunnel ${rule.device}: ${device.trouble}` };
    return { hop: { via: nextHop, ifindex: device.ifindex, onlink: true, weight: 1 } };
  }

  /** The next hop is not used any more. */
  forget(nextHop: readonly number[]): void {
    this.#drop(formatAddress(nextHop));
  }

  /**
   * Removes entries of an earlier run that no next hop in use needs. An entry is one of ours if it is permanent and its MAC
   * follows from its address by our rule.
   */
  sweep(): void {
    if (this.#frozen) return;
    for (const device of this.#devices) {
      if (device.rule.kind !== "vxlan" || device.trouble !== null) continue;
      const { ifindex } = device;
      this.#options.reader.neighbours(ifindex, (entries) => {
        if (this.#closed || device.ifindex !== ifindex) return;
        const leftover = new Map<string, readonly number[]>();
        for (const { address, hardwareAddress, permanent } of entries)
          if (
            permanent &&
            address !== null &&
            hardwareAddress === macOf(address) &&
            !this.#remotes.has(formatAddress(address))
          )
            leftover.set(formatAddress(address), address);
        for (const address of leftover.values())
          this.#options.devices.neighbour(Operation.Delete, this.#entry(ifindex, address), () => {});
      });
    }
  }

  /** Entries that are there stay from now on, used or not: until `close`. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Trouble with the devices, in sentences, for `doctor`. */
  troubles(): string[] {
    return this.#devices
      .filter((device) => device.trouble !== null)
      .map((device) => `Tunnel ${device.rule.device}: ${device.trouble}`);
  }

  /** Leaves the devices (`keep`) or removes those that are ours. */
  close(keep: boolean): void {
    this.#closed = true;
    for (const leave of this.#leave) leave();
    if (keep) return;
    for (const device of this.#devices)
      if (device.rule.kind === "vxlan" && device.trouble === null)
        this.#options.devices.linkSetting(device.ifindex, 0, true, () => {});
  }

  #drop(name: string): void {
    const remote = this.#remotes.get(name);
    if (remote === undefined || this.#frozen) return;
    this.#remotes.delete(name);
    if (remote.told === 0) return;
    this.#options.devices.neighbour(Operation.Delete, this.#entry(remote.told, remote.words), () => {});
  }

  #entry(ifindex: number, address: readonly number[]) {
    return { ifindex, address, hardwareAddress: vtepHardwareAddress(address) };
  }

  /** Gives the device the entries that it lacks. */
  #tellRemotes(device: Device): void {
    if (device.rule.kind !== "vxlan" || device.trouble !== null) return;
    for (const remote of this.#remotes.values()) {
      if (remote.told === device.ifindex) continue;
      remote.told = device.ifindex;
      this.#options.devices.neighbour(Operation.Create, this.#entry(device.ifindex, remote.words), (trouble, errno) => {
        if (trouble === null || remote.told !== device.ifindex) return;
        remote.told = 0;
        if (errno !== nl.ENODEV) this.#report(device, `cannot add ${formatAddress(remote.words)}: ${trouble}`);
      });
    }
  }

  /** The kernel drops neighbour entries with the device's IFF_UP: they are told again when it is up again. */
  #link(link: KernelLink): void {
    for (const device of this.#devices) {
      if (device.rule.device === link.name) device.busy = false;
      if (device.ifindex === link.ifindex && !link.up) this.#untell(link.ifindex);
    }
  }

  #gone(link: KernelLink): void {
    for (const device of this.#devices)
      if (device.ifindex === link.ifindex) {
        device.ifindex = 0;
        device.askedMtu = 0;
        device.busy = false;
        this.#untell(link.ifindex);
      }
  }

  #untell(ifindex: number): void {
    for (const remote of this.#remotes.values()) if (remote.told === ifindex) remote.told = 0;
  }

  #untellAll(): void {
    for (const remote of this.#remotes.values()) remote.told = 0; // replacing an entry by itself does no harm
  }

  /** An entry as ours would be is ours. Any other in its place is put right when the burst of events is over. */
  #entryChanged(entry: KernelNeighbour, present: boolean): void {
    for (const remote of this.#remotes.values()) {
      if (remote.told !== entry.ifindex) continue;
      const mac = macOf(remote.words);
      const sameMac = entry.hardwareAddress === mac;
      const sameAddress = entry.address !== null && compareAddresses(entry.address, remote.words) === 0;
      if (!(entry.forwarding ? sameMac : sameAddress)) continue;
      if (!present || !sameMac || !sameAddress || !entry.permanent) remote.told = 0;
      return;
    }
  }

  #writerCame(): void {
    this.#untellAll();
    this.#reconcile();
  }

  /** Compares each device with what it is to be, asks for what is missing, and tells when the answers changed. */
  #reconcile(): void {
    if (this.#closed) return;
    this.#subnets = [...this.#addresses.values()].filter((address) =>
      countsAsSubnet(address, this.#options.reader.links.get(address.ifindex), this.#ignored),
    );
    for (const device of this.#devices) {
      const link = this.#options.reader.linkByName(device.rule.device);
      device.trouble = device.rule.kind === "vxlan" ? this.#vxlan(device, link) : this.#ipip(device, link);
      this.#tellRemotes(device);
    }
    const state = [
      ...this.#devices.map((device) => `${device.ifindex} ${device.trouble}`),
      ...this.#subnets.map((subnet) => `${formatAddress(subnet.words)}/${subnet.length}`).sort(),
    ].join("\n");
    if (state === this.#state) return;
    this.#state = state;
    this.#onChange();
  }

  #underlayMtu(): number | null {
    for (const address of this.#addresses.values())
      if (compareAddresses(address.words, this.#options.address) === 0) {
        const link = this.#options.reader.links.get(address.ifindex);
        if (link !== undefined && !link.loopback) return link.mtu;
      }
    return null;
  }

  /** MTU that the device is to have; 0 = unknown, leave it. */
  #mtu(rule: TunnelRule): number {
    if (rule.mtu !== "auto") return rule.mtu;
    const underlay = this.#underlayMtu();
    return underlay === null ? 0 : underlay - tunnelOverhead(rule.kind, this.#options.address.length);
  }

  #vxlan(device: Device, link: KernelLink | undefined): string | null {
    const { rule } = device;
    const hardwareAddress = vtepHardwareAddress(this.#options.address);
    if (link === undefined) {
      device.ifindex = 0;
      if (device.busy) return "is being made";
      if (![...this.#addresses.values()].some((each) => compareAddresses(each.words, this.#options.address) === 0))
        return `the node's address ${formatAddress(this.#options.address)} is on no interface`;
      device.busy = true;
      const wanted = {
        name: rule.device,
        vni: rule.vni,
        port: rule.port,
        local: this.#options.address,
        hardwareAddress,
        mtu: this.#mtu(rule),
      };
      this.#options.devices.vxlan(wanted, (trouble) => {
        if (trouble === null) return; // its link event follows, and ends the wait
        device.busy = false;
        device.trouble = `cannot be made: ${trouble}`;
        this.#report(device, device.trouble);
      });
      return "is being made";
    }
    const differences = vxlanDifferences(link, rule, this.#options.address, hardwareAddressText(hardwareAddress));
    if (differences !== "") {
      const text = `exists with other settings and is left alone: ${differences}`;
      this.#report(device, text);
      return text;
    }
    this.#setUp(device, link);
    return link.up ? null : "is down";
  }

  #ipip(device: Device, link: KernelLink | undefined): string | null {
    if (link === undefined) {
      device.ifindex = 0;
      const text = `does not exist: load the kernel's ipip module (modprobe ipip)`;
      this.#report(device, text);
      return text;
    }
    if (link.kind !== "ipip")
      this.#report(device, `is a ${link.kind || "plain"} device, not ipip; it is used as it is`);
    this.#setUp(device, link);
    return link.up ? null : "is down";
  }

  /** Up and with its MTU: asked for once for each appearance of the device and each wanted MTU. */
  #setUp(device: Device, link: KernelLink): void {
    if (device.ifindex !== link.ifindex) {
      device.ifindex = link.ifindex;
      device.askedMtu = 0;
      device.busy = false;
    }
    const mtu = this.#mtu(device.rule);
    const wrongMtu = mtu !== 0 && link.mtu !== mtu;
    if (link.up && !wrongMtu) return;
    if (device.busy) return;
    if (link.up && device.askedMtu === mtu) {
      this.#report(device, `has MTU ${link.mtu}, ${mtu} is wanted; somebody changed it`);
      return;
    }
    device.busy = true;
    device.askedMtu = mtu;
    this.#options.devices.linkSetting(link.ifindex, mtu, false, (trouble, errno) => {
      if (trouble === null) return; // as above
      device.busy = false;
      if (errno !== nl.ENODEV) this.#report(device, `cannot be set up: ${trouble}`);
    });
  }

  #report(device: Device, text: string): void {
    if (device.reported === text) return;
    device.reported = text;
    this.#options.log.event("warn", "tunnel-trouble", `Tunnel ${device.rule.device} ${text}`, {
      device: device.rule.device,
    });
  }
}

const macOf = (address: readonly number[]): string => hardwareAddressText(vtepHardwareAddress(address));

/** What an existing device has otherwise than ours would; "" if it is as ours would be. */
function vxlanDifferences(link: KernelLink, rule: TunnelRule, local: readonly number[], mac: string): string {
  if (link.kind !== "vxlan" || link.vxlan === undefined) return `it is a ${link.kind || "plain"} device`;
  const parts: string[] = [];
  const differ = (what: string, found: string | number, wanted: string | number) => {
    if (found !== wanted) parts.push(`${what} ${found}, not ${wanted}`);
  };
  differ("VNI", link.vxlan.vni, rule.vni);
  differ("port", link.vxlan.port, rule.port);
  differ("local address", link.vxlan.local === null ? "none" : formatAddress(link.vxlan.local), formatAddress(local));
  differ("MAC", link.hardwareAddress, mac);
  return parts.join(", ");
}
