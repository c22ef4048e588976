import { matchesPattern } from "../../config/host.ts";
import type { Config } from "../../config/model.ts";
import { FibFeed } from "../../fib/fib-feed.ts";
import type { FibPort, FibResult } from "../../fib/fib-port.ts";
import type { OpenedFib } from "../../fib/open.ts";
import { LocalAddresses } from "../../kernel/local-addresses.ts";
import type { KernelLink, KernelReader } from "../../kernel/reader.ts";
import { formatPrefix, parseAddress, parsePrefix } from "../../lib/address.ts";
import type { Clock } from "../../lib/clock.ts";
import { bandwidthIn, isLinkBandwidth } from "../../lib/extended-communities.ts";
import { type Family, families } from "../../lib/family.ts";
import type { Log } from "../../lib/log.ts";
import { prefixAt } from "../../lib/prefix-words.ts";
import { foreignRoute } from "../../lib/route-owner.ts";
import { NextHopTracker, type TrackerOptions } from "../../nexthop/next-hop-tracker.ts";
import type { AttributeStore } from "../../rib/attribute-store.ts";
import type { RouteTable } from "../../rib/route-table.ts";
import { LOCAL_SOURCE } from "../../rib/source-table.ts";
import { deviceMark, removeLeftovers } from "../../tunnel/own-device.ts";
import { type TunnelSettings, type TunnelState, Tunnels } from "../../tunnel/tunnels.ts";
import { Workloads } from "../../tunnel/workloads.ts";
import { LogBudget } from "../load/log-budget.ts";
import { type OriginatedRoutes, workloadRoute } from "../originated-routes.ts";
import type { Tables } from "../tables.ts";
import { Underlay } from "./underlay.ts";

/** Octets a second that a set tells for the way to its next hop, or 0. */
function bandwidthOf(store: AttributeStore, set: number): number {
  const told = store.view(set).extendedCommunities.find(isLinkBandwidth);
  return told === undefined ? 0 : bandwidthIn(told);
}

/** Prefixes about which a warning is logged. */
const MOST_SAID = 1000;

/**
 * Everything between a speaker and its kernel: what the kernel tells (links, addresses, others' routes) goes to next-hop
 * tracking, tunnels and workloads; what the Loc-RIB decides goes to the FIB.
 */
export class KernelSide {
  readonly fib: FibPort;
  readonly reader: KernelReader;
  readonly nextHops: NextHopTracker;
  readonly local: LocalAddresses;
  /** Null: none was configured since the start. */
  #tunnels: Tunnels | null;
  readonly underlay: Underlay;
  /** Guarded prefixes that were logged. */
  readonly #said = new Set<string>();
  #config: Config;
  readonly #log: Log;
  /** What becomes of routes: a link that goes takes all routes behind it, and each would have its line. */
  readonly #routeLog: Log;
  readonly #feeds: FibFeed[] = [];
  /** Families whose leftovers of an earlier run are still there. */
  readonly #unswept = new Set<Family>(families);
  #workloads: Workloads[] = [];
  #frozen = false;

  /** Called after a burst in which own addresses came or went. */
  onAddresses: () => void = () => {};

  /** @param linkDown called when an interface that was running no longer is. */
  constructor(config: Config, opened: OpenedFib, log: Log, clock: Clock, linkDown: (link: KernelLink) => void) {
    this.fib = opened.fib;
    this.reader = opened.reader;
    this.#log = log;
    this.#routeLog = new LogBudget(log, clock, "kernel");
    this.#config = config;
    const settings = this.#tunnelSettings(config);
    this.#tunnels = settings.rules.length === 0 ? null : this.#openTunnels(settings);
    this.nextHops = new NextHopTracker(this.#trackerOptions(config), (work) => clock.defer(work));
    this.local = new LocalAddresses(linkDown);
    this.underlay = new Underlay(this.local);
  }

  /** Feeds the FIB from the tables. `touch` says that there is work in them. */
  feed(config: Config, tables: Tables, originatedRoutes: OriginatedRoutes, touch: () => void): void {
    this.fib.onResult((result) => this.#report(result));
    const { kernel } = config;
    // A FIB in memory takes anything, and shows what several speakers on the loopback would write.
    const isHere = (nextHop: number) => kernel.fib === "kernel" && this.nextHops.isHere(nextHop);
    for (const family of kernel.fib === "none" ? [] : families) {
      const table = tables.byFamily[family]!;
      const feed = new FibFeed({
        routes: table,
        fib: this.fib,
        nextHopOf: (set) => tables.store.nextHop[set]!,
        retain: (nextHop) => {
          this.nextHops.retain(nextHop);
          this.nextHops.use(nextHop);
        },
        release: (nextHop) => {
          this.nextHops.unuse(nextHop);
          this.nextHops.release(nextHop);
        },
        hopsOf: (nextHop) => (isHere(nextHop) ? [] : this.nextHops.hops(nextHop)),
        marksOf: (nextHop) => this.nextHops.marks(nextHop),
        bandwidthOf: (set) => bandwidthOf(tables.store, set),
        localSource: LOCAL_SOURCE,
        isBlackhole: (prefixId) => originatedRoutes.isBlackhole(family, prefixId),
        isGuarded: (prefixId) => this.#guards(table, prefixId),
        isHere,
        maximumPaths: kernel.maximumPaths,
        weighted: kernel.weighted,
      });
      this.#feeds.push(feed);
      table.addConsumer(feed, kernel.maximumPaths > 1);
    }
    this.local.onChange = () => {
      this.#refreshUnderlay(tables);
      this.onAddresses();
    };
    this.nextHops.onChange((ids) => {
      const changed = new Set(ids);
      for (const each of this.#feeds) each.nextHopsChanged(changed);
      tables.rib.nextHopsChanged(ids);
      touch();
    });
  }

  /** From now on the kernel's news arrive, what is known already first. */
  listen(): void {
    this.reader.subscribe(this.local);
    this.reader.subscribe(this.nextHops);
  }

  /** Takes on a new config, as far as that can be done while it runs. */
  reconfigure(config: Config, tables: Tables): void {
    this.#config = config;
    this.#refreshUnderlay(tables);
    const settings = this.#tunnelSettings(config);
    if (settings.rules.length > 0) this.#tunnels ??= this.#openTunnels({ ...settings, rules: [] });
    this.nextHops.setOptions(this.#trackerOptions(config));
    this.#tunnels?.adopt(settings);
    for (const feed of this.#feeds) {
      if (!feed.setWidth(config.kernel.maximumPaths, config.kernel.weighted)) continue;
      const table = tables.byFamily[feed.family]!;
      // Those who hear of every path hear of every prefix that is decided again, whether or not its best path is another.
      table.removeConsumer(feed);
      table.addConsumer(feed, true);
      table.redecide();
    }
  }

  /** Host routes of workloads are originated as they come and go; called again, by the rules of the new config. */
  watchWorkloads({ originate, workloads }: Config, originatedRoutes: OriginatedRoutes, touch: () => void): void {
    for (const watched of this.#workloads) watched.close();
    const blocks = originate.map(({ prefix }) => parsePrefix(prefix));
    this.#workloads = workloads.map(
      (rule) =>
        new Workloads({
          reader: this.reader,
          interfaces: rule.interfaces,
          advertise: rule.advertise,
          blocks,
          appeared: (prefix) => {
            originatedRoutes.add("workload", workloadRoute(prefix, rule));
            touch();
          },
          vanished: (prefix) => {
            originatedRoutes.remove("workload", prefix);
            touch();
          },
        }),
    );
  }

  /** Whether routes of a family were found in the kernel at the start: packets went on while we were away. */
  adopted(family: Family): boolean {
    return this.fib.adopted(family) > 0;
  }

  /**
   * The end is near: what was decided until now is still written, what is decided from now on isn't. Routes of sessions that end
   * because we go are not gone: packets need them while we are away, and until the last of us is gone where they are removed at the end.
   */
  freeze(): void {
    this.#frozen = true;
    for (const feed of this.#feeds) feed.freeze();
    this.#tunnels?.freeze();
  }

  /** What nobody asked for since the start goes: routes of a family, and tunnel entries and devices that are used no more. */
  sweep(family: Family): void {
    if (this.#frozen) return;
    this.fib.sweep(family);
    // Routes of both families may share a tunnel: its entries wait until the last family has been told everything.
    if (!this.#unswept.delete(family) || this.#unswept.size > 0 || this.#config.kernel.fib !== "kernel") return;
    this.fib.barrier(() => {
      if (this.#tunnels !== null) this.#tunnels.sweep();
      else removeLeftovers(this.reader, this.fib.devices, ({ alias }) => alias === deviceMark(this.#config.kernel));
    });
  }

  /** The tunnels as they are beside what the config wants. */
  tunnelStates(): TunnelState[] {
    return this.#tunnels?.states() ?? [];
  }

  /** Name of an interface, or its index as text if the kernel doesn't know it. */
  linkName(ifindex: number): string {
    return this.reader.links.get(ifindex)?.name ?? String(ifindex);
  }

  /** Lets go of the kernel; with `keep` routes and devices stay. */
  async close(keep: boolean): Promise<void> {
    this.#tunnels?.close(keep);
    await this.fib.close(keep);
    const { fib, table, protocol, metric } = this.#config.kernel;
    const left = this.fib.counters.installed;
    if (!keep || fib !== "kernel" || left === 0) return;
    const flush = `route flush table ${table} proto ${protocol} metric ${metric}`;
    const routes = left === 1 ? "1 kernel route stays" : `${left} kernel routes stay`;
    this.#log.event(
      "info",
      "routes-stay",
      `${routes} for the next start (kernel.keep-on-exit); to remove what stays: ip ${flush}; ip -6 ${flush}`,
      { routes: left },
    );
  }

  /** The underlay's subnet that keeps a learned route out of the kernel, as text; null if there's none. */
  guard(table: RouteTable, prefixId: number): string | null {
    return this.underlay.holding(table.prefixes, prefixId);
  }

  #guards(table: RouteTable, prefixId: number): boolean {
    const subnet = this.guard(table, prefixId);
    if (subnet === null) return false;
    const prefix = formatPrefix(prefixAt(table.prefixes, prefixId));
    // Once each, and not for ever: whoever announces such routes may do so again and again.
    if (this.#said.has(prefix) || this.#said.size >= MOST_SAID) return true;
    this.#said.add(prefix);
    const text = `${prefix} is not put into the kernel: it would override the underlay ${subnet}`;
    this.#log.event("warn", "underlay-guarded", text, { prefix, subnet });
    return true;
  }

  /** Addresses seldom change, and hardly ever this answer: then all prefixes are looked at in one go. */
  #refreshUnderlay(tables: Tables): void {
    if (this.#feeds.length === 0 || !this.underlay.refresh(this.#config)) return;
    for (const feed of this.#feeds) {
      const { prefixes } = tables.byFamily[feed.family]!;
      for (let id = prefixes.next(0); id !== 0; id = prefixes.next(id)) feed.changed(id);
    }
  }

  /** Nobody makes devices for a FIB in memory: next hops are resolved there as if there were no tunnels. */
  #tunnelSettings({ tunnels, kernel, router }: Config): TunnelSettings {
    const { ignoreInterfaces } = kernel;
    const none = { rules: [], address: [], ignoreInterfaces };
    if (tunnels.length === 0 || kernel.fib !== "kernel") return none;
    if (router.address !== null) return { rules: tunnels, address: parseAddress(router.address), ignoreInterfaces };
    const text = "Cannot use tunnels: the router has no address of its own, see router.address";
    this.#log.event("error", "tunnels", text);
    return none;
  }

  #openTunnels(settings: TunnelSettings): Tunnels {
    const tunnels = new Tunnels({
      ...settings,
      mark: deviceMark(this.#config.kernel),
      reader: this.reader,
      devices: this.fib.devices,
      written: (done) => this.fib.barrier(done),
      log: this.#log,
    });
    tunnels.onChange(() => this.nextHops.again());
    return tunnels;
  }

  #trackerOptions({ kernel }: Config): TrackerOptions {
    return {
      tunnels: this.#tunnels,
      resolve: kernel.fib !== "none",
      viaDefault: kernel.resolveViaDefault,
      onLink: kernel.onLink,
      // Sessions on 127.0.0.0/8 say so themselves: see LOOPBACK_SCOPE.
      loopback: false,
      ignores: (name) => kernel.ignoreInterfaces.some((pattern) => matchesPattern(name, pattern)),
    };
  }

  #report({ prefix, state, error, owner }: FibResult): void {
    if (state === "failed")
      this.#routeLog.event("warn", "fib-failed", `${prefix} is not in the kernel: ${error}`, { prefix });
    else if (state === "overridden")
      this.#routeLog.event(
        "warn",
        "fib-overridden",
        `${prefix} is not written: the kernel has ${foreignRoute(owner)} there, which is left alone`,
        {
          prefix,
          owner,
        },
      );
    else this.#routeLog.event("info", "fib-installed", `${prefix} is in the kernel now`, { prefix });
  }
}
