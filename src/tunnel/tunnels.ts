import type { DevicePort } from "../kernel/device-port.ts";
import type { KernelAddress, KernelLink, KernelReader } from "../kernel/reader.ts";
import type { FibHop } from "../kernel/records.ts";
import * as nl from "../kernel/rtnetlink/constants.ts";
import { compareAddresses, formatAddress } from "../lib/address.ts";
import type { Log } from "../lib/log.ts";
import {
  chooseTunnel,
  countsAsSubnet,
  namePattern,
  type TunnelRule,
  tunnelOverhead,
  vtepHardwareAddress,
} from "./choose.ts";
import {
  type Difference,
  isOwnDevice,
  mayMark,
  removeLeftovers,
  vxlanDifferences,
  type WantedVxlan,
} from "./own-device.ts";
import { RemoteEntries } from "./remotes.ts";

/** What a config says of tunnels. */
export interface TunnelSettings {
  readonly rules: readonly TunnelRule[];
  /** The node's own address: outer source, and what others reach us by. */
  readonly address: readonly number[];
  /** Interfaces whose subnets are not the node's (`kernel.ignore-interfaces`). */
  readonly ignoreInterfaces: readonly string[];
}

export interface TunnelOptions extends TunnelSettings {
  /** What our devices bear as alias (`deviceMark`). */
  readonly mark: string;
  readonly reader: KernelReader;
  readonly devices: DevicePort;
  /** Calls back when the kernel has what was wanted of it so far, routes too. */
  written(done: () => void): void;
  readonly log: Log;
}

/** How a next hop is reached: through `hop`, or not now for the reason given. */
export type TunnelAnswer = { readonly hop: FibHop } | { readonly trouble: string };

/** A tunnel beside what the config wants of it. */
export interface TunnelState {
  readonly device: string;
  readonly kind: "ipip" | "vxlan";
  readonly usable: boolean;
  /** In words: "has MTU 1300, 1450 is wanted". Null: it is as configured. */
  readonly problem: string | null;
}

interface Device {
  rule: TunnelRule;
  /** Kept while a device of ours is made anew: it gets the number again, and what leads there stays. */
  ifindex: number;
  /** Why the device can't be used. */
  trouble: string | null;
  /** What is otherwise than wanted, although it can be used. */
  remark: string | null;
  /**
   * What was asked for and hasn't shown in its link event yet: another setting; the device; or first its end and then the
   * device. Of one that is made the kernel tells twice, before it is up and after.
   */
  awaits: "nothing" | "change" | "device" | "end";
  /** Why the last request came to nothing. */
  failure: string | null;
  /** Why it is down and stays so. */
  downFor: string | null;
  /** The kernel can't change it in place. */
  fixed: boolean;
  /** Number of the device that was given our mark. */
  marked: number;
  /** The MTU that we asked for last or that was right; somebody who changes it afterwards is reported, not fought. */
  askedMtu: number;
  /** Last report, so that each is made once. */
  reported: string;
}

/** The tunnels of one config. */
interface TunnelSet extends TunnelSettings {
  readonly devices: readonly Device[];
}

/**
 * The tunnels of this node. For IPIP the device is the kernel's `tunl0`: the route's next hop is the outer destination. A
 * VXLAN device is ours: made, removed and kept with its neighbour and FDB entries, one pair per next hop in use, never
 * learned. Entries that somebody removes or changes are put right as the kernel tells of it; those that an earlier run left
 * and nobody uses go with `sweep`.
 *
 * A device of ours that isn't as the config wants it, after a reload, after a restart, or since somebody changed it, is
 * changed where it is (local address and MAC: routes stay) or removed and made anew under the same number (VNI, port, name:
 * routes are written again, and to whoever asks `reach` nothing has happened). A device of the name that isn't ours is
 * reported, and neither used nor touched.
 */
export class Tunnels {
  readonly #options: TunnelOptions;
  readonly #remotes: RemoteEntries;
  readonly #addresses = new Map<string, KernelAddress>();
  readonly #leave: (() => void)[] = [];
  /** What the devices are to be. */
  #wanted: TunnelSet;
  /** What `reach` goes by: another one than wanted while the first device of a new config is being made. */
  #used: TunnelSet;
  #ignored!: (name: string) => boolean;
  #subnets: readonly KernelAddress[] = [];
  #onChange: () => void = () => {};
  #state = "";
  /** Numbers of devices that a reload has left without a tunnel. */
  readonly #former = new Set<number>();
  /** Devices may be there that nobody needs any more. */
  #cleaning = false;
  #swept = false;
  #read = false;
  #closed = false;
  #frozen = false;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#remotes = new RemoteEntries(options.devices, (carrier, address, trouble, errno) => {
      const device = this.#wanted.devices.find((each) => each === carrier);
      if (device !== undefined && errno !== nl.ENODEV) this.#report(device, `cannot add ${address}: ${trouble}`);
    });
    this.#wanted = this.#used = this.#take(options, []);
    const key = ({ ifindex, words, length, peer }: KernelAddress) =>
      `${ifindex} ${formatAddress(words)}/${length} ${peer === null ? "" : formatAddress(peer)}`;
    this.#leave.push(
      options.reader.subscribe({
        address: (address) => this.#addresses.set(key(address), address),
        addressGone: (address) => this.#addresses.delete(key(address)),
        linkGone: (link) => this.#gone(link),
        link: (link) => this.#link(link),
        neighbour: (entry) => this.#remotes.changed(entry, true),
        neighbourGone: (entry) => this.#remotes.changed(entry, false),
        lost: () => this.#lost(),
        synced: () => {
          this.#read = true;
          this.#reconcile();
        },
      }),
    );
    this.#leave.push(options.devices.onWriter(() => this.#writerCame()));
  }

  /** Called when answers of `reach` may be other ones than before. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** Another config: ends in what a fresh start with it would make. */
  adopt(settings: TunnelSettings): void {
    const before = this.#wanted;
    this.#wanted = this.#take(settings, before.devices);
    for (const device of before.devices)
      if (device.rule.kind === "vxlan" && device.ifindex !== 0 && !this.#wanted.devices.includes(device))
        this.#former.add(device.ifindex);
    this.#cleaning = true;
    if (this.#read) this.#reconcile();
  }

  /**
   * Null if the next hop is reached without a tunnel. `entries`: those for it are kept until `forget`, or go, or this is but
   * a question.
   */
  reach(nextHop: readonly number[], entries: "keep" | "drop" | "leave" = "keep"): TunnelAnswer | null {
    const { rules, address, devices } = this.#used;
    const rule = chooseTunnel(rules, nextHop, address, this.#subnets);
    if (entries !== "leave" && (rule === null || entries === "drop")) this.#remotes.drop(nextHop);
    if (rule === null) return null;
    const device = devices.find((each) => each.rule.device === rule.device)!;
    if (rule.kind === "vxlan" && entries === "keep") this.#remotes.keep(nextHop, device, device.trouble === null);
    if (device.trouble !== null) return { trouble: `Tunnel ${rule.device}: ${device.trouble}` };
    return { hop: { via: nextHop, ifindex: device.ifindex, onlink: true, weight: 1 } };
  }

  /** The next hop is not used any more. */
  forget(nextHop: readonly number[]): void {
    this.#remotes.drop(nextHop);
  }

  /** Removes entries of an earlier run that no next hop in use needs, and devices that no tunnel is. */
  sweep(): void {
    if (this.#frozen) return;
    this.#swept = true;
    for (const device of this.#wanted.devices) {
      if (device.rule.kind !== "vxlan" || device.trouble !== null) continue;
      const { ifindex } = device;
      this.#options.reader.neighbours(ifindex, (entries) => {
        if (!this.#closed && device.ifindex === ifindex) this.#remotes.sweep(ifindex, entries);
      });
    }
    this.#clean();
  }

  /** Entries and devices that are there stay from now on, used or not: until `close`. */
  freeze(): void {
    this.#frozen = true;
    this.#remotes.freeze();
  }

  /** The tunnels as they are, for people. */
  states(): TunnelState[] {
    return this.#wanted.devices.map(({ rule: { device, kind }, trouble, remark }) => ({
      device,
      kind,
      usable: trouble === null,
      problem: trouble ?? remark,
    }));
  }

  /** Leaves the devices (`keep`) or removes those that are ours. */
  close(keep: boolean): void {
    this.#closed = true;
    for (const leave of this.#leave) leave();
    if (keep) return;
    const { reader, devices, mark } = this.#options;
    const used = this.#wanted.devices.filter(({ rule }) => rule.kind === "vxlan").map(({ ifindex }) => ifindex);
    removeLeftovers(reader, devices, (link) => link.alias === mark || used.includes(link.ifindex));
  }

  /** Devices of before are taken over by name. */
  #take(settings: TunnelSettings, before: readonly Device[]): TunnelSet {
    const { rules, address, ignoreInterfaces } = settings;
    const names = rules.map((rule) => rule.device);
    const ignored = namePattern(ignoreInterfaces);
    this.#ignored = (name) => ignored(name) || names.includes(name);
    const devices = rules
      .filter((rule) => rule.when !== "never")
      .map((rule) => {
        const known = before.find((each) => each.rule.device === rule.device && each.rule.kind === rule.kind);
        if (known === undefined) return newDevice(rule);
        known.rule = rule;
        known.askedMtu = 0; // whoever reloads wants it as the config says
        return known;
      });
    return { rules, address, ignoreInterfaces, devices };
  }

  #tell(device: Device): void {
    if (device.rule.kind === "vxlan" && device.trouble === null) this.#remotes.tell(device);
  }

  /** The kernel drops neighbour entries with the device's IFF_UP: they are told again when it is up again. */
  #link(link: KernelLink): void {
    for (const device of this.#wanted.devices) {
      const remade = device.awaits === "end" || (device.awaits === "device" && !link.up);
      if (remade) continue;
      if (device.rule.device === link.name) {
        device.awaits = "nothing";
        device.downFor = null;
      }
      if (device.ifindex === link.ifindex && !link.up) this.#remotes.untell(link.ifindex);
    }
  }

  #gone(link: KernelLink): void {
    this.#former.delete(link.ifindex);
    for (const device of this.#wanted.devices) {
      if (device.ifindex !== link.ifindex) continue;
      if (device.awaits === "end") device.awaits = "device";
      else if (device.awaits !== "device") {
        device.awaits = "nothing";
        device.askedMtu = 0;
        this.#remotes.untell(link.ifindex);
      }
    }
  }

  #lost(): void {
    for (const device of this.#wanted.devices) if (device.awaits === "end") device.awaits = "device"; // it may have passed
    this.#remotes.untellAll();
  }

  #writerCame(): void {
    this.#remotes.untellAll();
    for (const device of this.#wanted.devices) device.downFor = null;
    if (this.#read) this.#reconcile();
  }

  /** Compares each device with what it is to be, asks for what is missing, and tells when the answers changed. */
  #reconcile(): void {
    if (this.#closed) return;
    const { reader, written } = this.#options;
    this.#subnets = [...this.#addresses.values()].filter((address) =>
      countsAsSubnet(address, reader.links.get(address.ifindex), this.#ignored),
    );
    for (const device of this.#wanted.devices) {
      const link = reader.linkByName(device.rule.device);
      device.trouble = device.rule.kind === "vxlan" ? this.#vxlan(device, link) : this.#ipip(device, link);
      this.#tell(device);
    }
    this.#answer();
    if (!this.#cleaning || this.#used !== this.#wanted) return;
    this.#cleaning = false;
    written(() => this.#clean()); // until routes have left it, a device that is to go carries them
  }

  /** Answers by the new config once its devices are there, or can't be had; tells if answers are other ones now. */
  #answer(): void {
    const coming = ({ awaits, ifindex, failure }: Device) => awaits === "device" && ifindex === 0 && failure === null;
    const turned = this.#used !== this.#wanted && !this.#wanted.devices.some(coming);
    if (turned) this.#used = this.#wanted;
    const state = [
      ...this.#used.devices.map((device) => `${device.ifindex} ${device.trouble}`),
      ...this.#subnets.map((subnet) => `${formatAddress(subnet.words)}/${subnet.length}`).sort(),
    ].join("\n");
    if (state === this.#state && !turned) return;
    this.#state = state;
    this.#onChange();
  }

  /** Removes devices of ours that no tunnel is. */
  #clean(): void {
    if (this.#closed || this.#frozen) return;
    const { reader, devices } = this.#options;
    removeLeftovers(reader, devices, (link) => this.#isLeftover(link));
  }

  #isLeftover(link: KernelLink): boolean {
    if (link.alias !== this.#options.mark && !this.#former.has(link.ifindex)) return false;
    return !this.#wanted.devices.some(
      ({ rule, ifindex }) => rule.kind === "vxlan" && (rule.device === link.name || ifindex === link.ifindex),
    );
  }

  #hasOwnAddress(): boolean {
    for (const { words } of this.#addresses.values())
      if (compareAddresses(words, this.#wanted.address) === 0) return true;
    return false;
  }

  #underlayMtu(): number | null {
    for (const address of this.#addresses.values())
      if (compareAddresses(address.words, this.#wanted.address) === 0) {
        const link = this.#options.reader.links.get(address.ifindex);
        if (link !== undefined && !link.loopback) return link.mtu;
      }
    return null;
  }

  /** MTU that the device is to have; 0 = unknown, leave it. */
  #mtu(rule: TunnelRule): number {
    if (rule.mtu !== "auto") return rule.mtu;
    const underlay = this.#underlayMtu();
    return underlay === null ? 0 : underlay - tunnelOverhead(rule.kind, this.#wanted.address.length);
  }

  #vxlan(device: Device, link: KernelLink | undefined): string | null {
    if (device.awaits === "device" || device.awaits === "end") return this.#underWay(device);
    if (link === undefined) return this.#missing(device);
    const { mark } = this.#options;
    const differences = vxlanDifferences(link, this.#settings(device));
    if (differences.length === 0) {
      device.failure = null;
      device.fixed = false;
      const trouble = this.#setUp(device, link);
      this.#mark(device, link);
      return trouble;
    }
    const text = differences.map((each) => each.text).join(", ");
    if (link.vxlan === undefined || (device.ifindex !== link.ifindex && !isOwnDevice(link, mark))) {
      device.ifindex = 0;
      device.failure = null;
      const foreign = `exists with other settings and is left alone: ${text}`;
      this.#report(device, foreign);
      return foreign;
    }
    device.ifindex = link.ifindex;
    if (device.awaits === "change") return device.failure;
    if (!this.#hasOwnAddress()) return this.#homeless(device, `has ${text} still: `);
    if (device.failure === null)
      this.#options.log.event("info", "tunnel-changed", `Tunnel ${device.rule.device} is put right: ${text}`, {
        device: device.rule.device,
      });
    if (device.fixed || differences.some((each) => !each.inPlace)) this.#replace(device, link);
    else this.#change(device, link, differences);
    return device.failure;
  }

  #settings({ rule }: Device): WantedVxlan {
    return { vni: rule.vni, port: rule.port, local: this.#wanted.address };
  }

  #homeless(device: Device, before = ""): string {
    const text = `${before}the node's address ${formatAddress(this.#wanted.address)} is on no interface`;
    this.#report(device, text);
    return text;
  }

  /** There is no device of the name: one of ours that has another name now takes it, or one is made. */
  #missing(device: Device): string | null {
    if (!this.#hasOwnAddress()) {
      device.ifindex = 0;
      return this.#homeless(device);
    }
    const former = device.ifindex === 0 ? this.#formerDevice() : undefined;
    if (former === undefined) this.#make(device, device.ifindex, "device", () => null);
    else this.#replace(device, former);
    return this.#underWay(device);
  }

  /** Of a device that is being made: one that gets its old number is as good as there, unless that has failed before. */
  #underWay({ failure, ifindex }: Device): string | null {
    return failure ?? (ifindex === 0 ? "is being made" : null);
  }

  #formerDevice(): KernelLink | undefined {
    for (const link of this.#options.reader.links.values())
      if (link.vxlan !== undefined && this.#isLeftover(link)) return link;
    return undefined;
  }

  /**
   * Removes a device and makes it anew under its number: two requests that follow each other at once, and what is told of
   * remotes and routes follows them. With the device go its IPv4 routes, of which the kernel says nothing: the mirror knows.
   */
  #replace(device: Device, { ifindex }: KernelLink): void {
    device.ifindex = ifindex;
    this.#remotes.untell(ifindex);
    let left: string | null = null;
    this.#options.devices.linkSetting(ifindex, 0, true, (trouble) => {
      left = trouble;
    });
    this.#make(device, ifindex, "end", () => left);
  }

  /** Asks for a device, by number if there was one before. `left`: why that one couldn't be removed. */
  #make(device: Device, ifindex: number, awaits: "device" | "end", left: () => string | null): void {
    const { rule } = device;
    device.awaits = awaits;
    device.askedMtu = device.marked = 0;
    const wanted = {
      ifindex,
      name: rule.device,
      hardwareAddress: vtepHardwareAddress(this.#wanted.address),
      mtu: this.#mtu(rule),
      ...this.#settings(device),
    };
    this.#options.devices.vxlan(wanted, (trouble) => {
      if (trouble === null || this.#closed) return; // its link events follow, and end the wait
      const staying = left();
      if (device.ifindex !== 0 && staying === null) {
        device.ifindex = 0; // somebody was quicker and has the number
        this.#make(device, 0, "device", () => null);
        device.trouble = "is being made";
        this.#answer();
      } else if (staying === null) this.#failed(device, `cannot be made: ${trouble}${this.#rival(rule)}`);
      else this.#failed(device, `cannot be made anew: ${staying}`);
    });
  }

  /** The kernel says that the VNI is taken, but not by whom. */
  #rival({ vni, port, device }: TunnelRule): string {
    for (const { name, vxlan } of this.#options.reader.links.values())
      if (vxlan?.vni === vni && vxlan.port === port && name !== device)
        return ` (${name} has VNI ${vni} on port ${port})`;
    return "";
  }

  /** Local address and MAC change in place. The neighbour entries go with the old MAC, those of an earlier run, too. */
  #change(device: Device, link: KernelLink, differences: readonly Difference[]): void {
    const { ifindex } = link;
    const { address } = this.#wanted;
    device.awaits = "change";
    const differs = (which: Difference["what"]) => differences.some(({ what }) => what === which);
    const otherMac = differs("MAC");
    const change = {
      ifindex,
      local: differs("local address") ? address : null,
      hardwareAddress: otherMac ? vtepHardwareAddress(address) : null,
      alias: mayMark(link, this.#options.mark) ? this.#options.mark : link.alias,
    };
    const ask = () => {
      this.#options.devices.vxlanChange(change, (trouble, errno) => {
        if (trouble === null || this.#closed) return; // its link event follows
        device.awaits = "nothing";
        device.fixed = errno === nl.EOPNOTSUPP;
        if (device.fixed) this.#reconcile();
        else if (errno !== nl.ENODEV)
          this.#failed(
            device,
            `has ${differences.map(({ text }) => text).join(", ")}, and cannot be changed: ${trouble}`,
          );
      });
      if (otherMac) this.#remotes.untell(ifindex);
    };
    if (!otherMac || this.#swept) ask();
    else
      this.#options.reader.neighbours(ifindex, (entries) => {
        if (this.#closed || device.ifindex !== ifindex) return;
        ask();
        this.#remotes.restore(ifindex, entries);
        this.#tell(device);
      });
  }

  #failed(device: Device, text: string): void {
    device.awaits = "nothing";
    device.trouble = device.failure = text;
    this.#report(device, text);
    this.#answer();
  }

  /** Once for each device: nobody's other alias is fought. */
  #mark(device: Device, link: KernelLink): void {
    const { devices, mark } = this.#options;
    if (device.marked === link.ifindex || !mayMark(link, mark)) return;
    device.marked = link.ifindex;
    devices.vxlanChange({ ifindex: link.ifindex, local: null, hardwareAddress: null, alias: mark }, () => {});
  }

  #ipip(device: Device, link: KernelLink | undefined): string | null {
    if (link === undefined) {
      device.ifindex = 0;
      const text = `does not exist: load the kernel's ipip module (modprobe ipip)`;
      this.#report(device, text);
      return text;
    }
    if (isOwnDevice(link, this.#options.mark) || this.#former.has(link.ifindex)) {
      device.ifindex = 0;
      return "is a VXLAN device of ours still, which goes";
    }
    device.remark = null;
    if (link.kind !== "ipip") {
      device.remark = `is a ${link.kind || "plain"} device, not ipip; it is used as it is`;
      this.#report(device, device.remark);
    }
    return this.#setUp(device, link);
  }

  /**
   * Up and with its MTU: asked for once for each appearance of the device and each wanted MTU. One that is down is as good as
   * up while it is being set up: what is told of remotes and routes follows the request. (The kernel tells that a device is
   * down before it tells that it is gone; whether both are read at once is chance.)
   */
  #setUp(device: Device, link: KernelLink): string | null {
    if (device.ifindex !== link.ifindex) {
      device.ifindex = link.ifindex;
      device.downFor = null;
      device.askedMtu = 0;
      device.awaits = "nothing";
    }
    const mtu = this.#mtu(device.rule);
    const wrongMtu = mtu !== 0 && link.mtu !== mtu;
    if (device.rule.kind === "vxlan") device.remark = null;
    if (!wrongMtu) device.askedMtu = mtu;
    if (link.up) device.downFor = null;
    if (link.up && !wrongMtu) return null;
    if (device.awaits !== "nothing" || device.downFor !== null) return device.downFor;
    if (link.up && device.askedMtu === mtu) {
      device.remark = `has MTU ${link.mtu}, ${mtu} is wanted; somebody changed it`;
      this.#report(device, device.remark);
      return null;
    }
    device.awaits = "change";
    device.askedMtu = mtu;
    this.#options.devices.linkSetting(link.ifindex, mtu, false, (trouble, errno) => {
      if (trouble === null || this.#closed) return; // its link event follows
      device.awaits = "nothing";
      if (errno === nl.ENODEV) return;
      device.downFor = link.up ? null : `is down and cannot be set up: ${trouble}`;
      this.#report(device, device.downFor ?? `cannot be set up: ${trouble}`);
      this.#reconcile();
    });
    return device.downFor;
  }

  #report(device: Device, text: string): void {
    if (device.reported === text) return;
    device.reported = text;
    this.#options.log.event("warn", "tunnel-trouble", `Tunnel ${device.rule.device} ${text}`, {
      device: device.rule.device,
    });
  }
}

const newDevice = (rule: TunnelRule): Device => ({
  rule,
  ifindex: 0,
  trouble: "the kernel was not read yet",
  remark: null,
  awaits: "nothing",
  failure: null,
  downFor: null,
  fixed: false,
  marked: 0,
  askedMtu: 0,
  reported: "",
});
