import { run } from "../../testbed/command.ts";

/**
 * What the kernel has, in the slowest and most obvious way: `ip` is asked for everything, and its answer is put into lines of
 * text that are easy to compare. Order counts where the kernel prefers the first.
 */
export interface Picture {
  readonly links: readonly string[];
  readonly addresses: readonly string[];
  /** By prefix, table and metric: those that stand there, in their order. */
  readonly routes: ReadonlyMap<string, readonly RouteText[]>;
}

export interface RouteText {
  readonly protocol: number;
  /** Type, scope and hops. */
  readonly text: string;
}

interface IpHop {
  gateway?: string;
  via?: { host: string };
  dev?: string;
  weight?: number;
  flags?: string[];
}

interface IpRoute extends IpHop {
  type: string;
  dst: string;
  table: string;
  protocol: string;
  scope: string;
  metric?: number;
  tos?: string;
  from?: string;
  nexthops?: IpHop[];
  nhid?: number;
}

interface IpLink {
  ifindex: number;
  ifname: string;
  flags: string[];
  mtu: number;
  addr_info: {
    local: string;
    address?: string;
    prefixlen: number;
    scope: string;
    tentative?: boolean;
    dadfailed?: boolean;
  }[];
}

const MAIN = 254;
const LOCAL = 255;
const UNICAST = 1;
const OWN_ADDRESS = 2;
const BROADCAST = 3;

/** One line of a hop, as `hopLine` makes it of ours. */
export const hopLine = (via: string | null, dev: string, weight: number, onlink: boolean, dead: boolean): string =>
  `${via ?? "-"} ${dev} ${weight}${onlink ? " onlink" : ""}${dead ? " dead" : ""}`;

function hopOf({ gateway, via, dev, weight, flags = [] }: IpHop): string {
  const dead = flags.includes("dead") || flags.includes("linkdown");
  return hopLine(gateway ?? via?.host ?? null, dev ?? "", weight ?? 1, flags.includes("onlink"), dead);
}

export const placeLine = (prefix: string, table: number, metric: number): string => `${prefix} ${table} ${metric}`;

export async function takePicture(namespace: string): Promise<Picture> {
  const ask = async (...words: string[]): Promise<unknown> =>
    JSON.parse((await run(["ip", "-n", namespace, "-N", "-d", "-j", ...words])) || "[]");
  const routes = new Map<string, RouteText[]>();
  const seen = new Set<string>();
  for (const bits of [32, 128])
    for (const row of (await ask(bits === 32 ? "-4" : "-6", "route", "show", "table", "all")) as IpRoute[]) {
      const [table, type] = [Number(row.table), Number(row.type)];
      if (row.tos !== undefined || row.from !== undefined) continue;
      if (table !== MAIN && (table !== LOCAL || (type !== OWN_ADDRESS && type !== BROADCAST))) continue;
      const any = bits === 32 ? "0.0.0.0/0" : "::/0";
      const prefix = row.dst === "default" ? any : row.dst.includes("/") ? row.dst : `${row.dst}/${bits}`;
      const place = placeLine(prefix, table, row.metric ?? 0);
      const hops = row.nexthops ?? (row.dev === undefined ? [] : [row]);
      const text = `type ${type} scope ${row.scope} ${hops.map(hopOf).join(", ")}`;
      const list = routes.get(place) ?? [];
      // IPv6 may have the same route twice; a listener hears of one
      const identity = `${place} ${row.protocol} ${text} ${row.nhid ?? 0}`;
      if (bits === 128 && seen.has(identity)) continue;
      seen.add(identity);
      routes.set(place, [...list, { protocol: Number(row.protocol), text }]);
    }
  const all = (await ask("address")) as IpLink[];
  const links = all.map(({ ifindex, ifname, flags, mtu }) => {
    const up = flags.includes("UP");
    return `${ifindex} ${ifname} ${up ? "up" : "down"} ${up && flags.includes("LOWER_UP") ? "running" : "-"} ${mtu}`;
  });
  const addresses = all.flatMap(({ ifindex, addr_info }) =>
    addr_info.map(({ local, address, prefixlen, scope, tentative, dadfailed }) => {
      const unusable = tentative === true || dadfailed === true;
      return `${ifindex} ${local}/${prefixlen} peer ${address ?? "-"} scope ${scope}${unusable ? " tentative" : ""}`;
    }),
  );
  return { links: links.sort(), addresses: addresses.sort(), routes };
}

export const isUnicast = (text: string): boolean => text.startsWith(`type ${UNICAST} `);
