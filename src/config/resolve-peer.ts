import { dirname, isAbsolute, join } from "node:path";
import { tryParseAddress } from "../lib/address.ts";
import { Family } from "../lib/family.ts";
import { systemReason } from "../lib/system-errors.ts";
import type { Path } from "./errors.ts";
import type { Host } from "./host.ts";
import type { BfdConfig, FamilySettings, GracefulRestartConfig, PeerSettings, Secret, TimersConfig } from "./model.ts";
import { nameOf, type Problems } from "./problems.ts";
import { checkName } from "./resolve-policy.ts";
import type { RawPeer } from "./schema.ts";
import { isMapping } from "./schema-kit.ts";
import { cutNewline, faultOfKey, LoadedSecret } from "./secret.ts";
import type { Source } from "./source.ts";

/** What all peers are resolved against. */
export interface PeerContext {
  readonly source: Source;
  readonly problems: Problems;
  readonly host: Host;
  /** Directory of the config file. */
  readonly directory: string;
  /** Null: not known, which has been told; what depends on it is not judged. */
  readonly routerAs: number | null;
  /** Whether our kernel routes survive a restart, so that peers may be asked to keep theirs to us. */
  readonly restarter: boolean;
  readonly groups: Readonly<Record<string, RawPeer>>;
  readonly groupNames: ReadonlySet<string>;
  readonly policies: ReadonlySet<string>;
  /** Those that are for the way in alone. */
  readonly kernelPolicies: ReadonlySet<string>;
  readonly secrets: Map<string, Secret | undefined>;
}

/** A peer's own settings over those of its group. */
export class Layers {
  readonly raw: RawPeer;
  readonly group: string | null;
  readonly groupKnown: boolean;
  readonly #source: Source;
  readonly #own: Path;

  constructor(context: PeerContext, own: RawPeer, path: Path, group: string | null) {
    this.groupKnown = group === null || Object.hasOwn(context.groups, group);
    this.raw = group !== null && this.groupKnown ? inherit(context.groups[group]!, own) : own;
    this.group = group;
    this.#source = context.source;
    this.#own = path;
  }

  /** Where a key was written: with the peer, else with its group. */
  path(...keys: (string | number)[]): Path {
    const own = [...this.#own, ...keys];
    if (this.group === null || this.#source.has(own)) return own;
    const inherited = ["peer-groups", this.group, ...keys];
    return this.#source.has(inherited) ? inherited : own;
  }
}

/** Keys of which one excludes the other: whoever sets one has decided about both. */
const alternatives: readonly (readonly string[])[] = [
  ["multihop", "ttl-security"],
  ["next-hop-self", "next-hop-unchanged"],
];
/** Mappings that replace as a whole. */
const whole: ReadonlySet<string> = new Set(["address-families", "password"]);

/** Leaf by leaf; lists and `address-families` replace. */
function inherit<T extends object>(base: T, own: T): T {
  const result: Record<string, unknown> = { ...(base as Record<string, unknown>) };
  for (const pair of alternatives)
    if (pair.some((key) => (own as Record<string, unknown>)[key] !== undefined))
      for (const key of pair) delete result[key];
  for (const [key, value] of Object.entries(own)) {
    if (value === undefined) continue;
    const before = result[key];
    result[key] = isMapping(value) && isMapping(before) && !whole.has(key) ? inherit<object>(before, value) : value;
  }
  return result as T;
}

/**
 * Undefined if nothing says who the peer is; `problems` then knows of that and of whatever else is wrong.
 * @param family of the peer's address, the one that is spoken unless `address-families` says otherwise
 */
export function resolvePeer(layers: Layers, family: Family, context: PeerContext): PeerSettings | undefined {
  const { source, problems } = context;
  const { raw } = layers;
  const routerAs = context.routerAs ?? 0;
  // Without one the rest is judged all the same, as far as it doesn't depend on it.
  const known = raw["remote-as"] !== undefined;
  // A group that doesn't exist has been told; it may well have had one.
  if (!known && !source.has(layers.path("remote-as")) && layers.groupKnown)
    problems.missing(source, layers.path("remote-as"), "must be internal, external or an AS number");
  const remoteAs = raw["remote-as"] === "internal" ? routerAs : (raw["remote-as"] ?? "external");
  const kind = remoteAs === routerAs ? "internal" : "external";
  const localAs = raw["local-as"] ?? routerAs;
  const only = (key: keyof RawPeer, wanted: "internal" | "external") => {
    if (raw[key] && kind !== wanted && known && context.routerAs !== null)
      problems.cannot(source, layers.path(key), `must not be set for an ${kind} peer, only for ${wanted} ones`);
  };
  only("local-as", "external");
  only("role", "external");
  only("route-reflector-client", "internal");
  if (kind === "external" && localAs === remoteAs)
    problems.cannot(source, layers.path("local-as"), "must differ from the peer's own AS");
  if (raw.multihop !== undefined && raw["ttl-security"] !== undefined)
    problems.cannot(source, layers.path("ttl-security"), "must not stand beside multihop");
  if (raw["next-hop-self"] && raw["next-hop-unchanged"])
    problems.cannot(source, layers.path("next-hop-unchanged"), "must not stand beside next-hop-self");

  const localAddress = raw["local-address"] ?? null;
  if (localAddress !== null && (tryParseAddress(localAddress)!.length === 1) !== (family === Family.Ipv4Unicast))
    problems.cannot(source, layers.path("local-address"), "must be of the family of the peer's address");

  const families = resolveFamilies(layers, family, context);
  const policies = (key: "import-policy" | "export-policy"): readonly string[] | null => {
    const path = layers.path(key);
    for (const [i, name] of (raw[key] ?? []).entries()) {
      if (!checkName("policy", name, context.policies, [...path, i], context)) continue;
      if (key === "import-policy" || !context.kernelPolicies.has(name)) continue;
      const at = source.has([...path, i]) ? [...path, i] : path;
      problems.cannot(source, at, "must not set kernel or weight, which are for the way in");
    }
    return raw[key] ?? null;
  };
  const settings: PeerSettings = {
    peerGroup: layers.group,
    description: raw.description ?? "",
    kind,
    remoteAs,
    localAs,
    port: raw.port ?? 179,
    localAddress,
    shutdown: raw.shutdown ?? false,
    passive: raw.passive ?? false,
    ttl: kind === "internal" ? 255 : (raw.multihop ?? 1),
    ttlSecurity: raw["ttl-security"] ?? null,
    password: resolvePassword(layers, context),
    timers: resolveTimers(layers, context),
    bfd: resolveBfd(raw),
    families,
    extendedNextHop:
      raw["extended-next-hop"] ?? (family === Family.Ipv6Unicast && families[Family.Ipv4Unicast] !== null),
    extendedMessages: raw["extended-messages"] ?? true,
    addPath: { send: raw["add-path"]?.send ?? 0, receive: raw["add-path"]?.receive ?? false },
    gracefulRestart: resolveGracefulRestart(raw, context),
    routeReflectorClient: raw["route-reflector-client"] ?? false,
    nextHop: raw["next-hop-unchanged"]
      ? "unchanged"
      : raw["next-hop-self"] === "force"
        ? "force-self"
        : raw["next-hop-self"]
          ? "self"
          : "default",
    allowAsIn: raw["allowas-in"] ?? 0,
    enforceFirstAs: raw["enforce-first-as"] ?? true,
    role: raw.role ?? null,
    dropAttributes: [...new Set(raw["drop-attributes"] ?? [])].toSorted((a, b) => a - b),
    importPolicy: policies("import-policy"),
    exportPolicy: policies("export-policy"),
  };
  return known ? settings : undefined;
}

function resolveFamilies(layers: Layers, own: Family, { source, problems }: PeerContext): (FamilySettings | null)[] {
  const families: (FamilySettings | null)[] = [null, null];
  const raw = layers.raw["address-families"];
  if (raw === undefined) {
    families[own] = { maximumPrefix: null };
    return families;
  }
  // Replaced as a whole: what a group says of one family is gone with the rest.
  const path = layers.path("address-families");
  for (const [name, family] of [
    ["ipv4-unicast", Family.Ipv4Unicast],
    ["ipv6-unicast", Family.Ipv6Unicast],
  ] as const) {
    // A bare `ipv4-unicast:` has no settings, but it is there.
    if (raw[name] === undefined && !source.has([...path, name])) continue;
    const limit = raw[name]?.["maximum-prefix"];
    const settings = typeof limit === "number" ? { limit } : limit;
    families[family] = { maximumPrefix: null };
    if (settings === undefined) continue;
    if (settings.limit === undefined) {
      const missing = [...path, name, "maximum-prefix", "limit"];
      if (!source.has(missing)) problems.missing(source, missing, "a maximum needs one");
      continue;
    }
    families[family] = {
      maximumPrefix: {
        limit: settings.limit,
        action: settings.action ?? "restart",
        count: settings.count ?? "received",
        restartAfterSeconds: settings["restart-after"] ?? 60,
      },
    };
  }
  if (families.every((settings) => settings === null))
    problems.cannot(source, path, "must name ipv4-unicast, ipv6-unicast or both");
  return families;
}

function resolveTimers(layers: Layers, { source, problems }: PeerContext): TimersConfig {
  const raw = layers.raw.timers ?? {};
  const hold = raw["hold-time"] ?? 90;
  const keepalive = raw.keepalive ?? Math.floor(hold / 3);
  if (hold > 0 && (keepalive === 0 || keepalive >= hold)) {
    const path = layers.path("timers", "keepalive");
    problems.cannot(source, path, `must be from 1 to ${hold - 1}, below the hold-time of ${hold}`);
  }
  const sendHold = raw["send-hold-time"];
  if (sendHold !== undefined && sendHold !== 0 && sendHold <= hold)
    problems.cannot(
      source,
      layers.path("timers", "send-hold-time"),
      `must be above the hold-time of ${hold} (RFC 9687 §3)`,
    );
  return {
    holdTimeSeconds: hold,
    keepaliveSeconds: keepalive,
    connectRetrySeconds: raw["connect-retry"] ?? 5,
    advertisementIntervalSeconds: raw["advertisement-interval"] ?? 0,
    delayOpenSeconds: raw["delay-open"] ?? 0,
    sendHoldSeconds: sendHold ?? null,
  };
}

function resolveBfd(raw: RawPeer): BfdConfig | null {
  const setting = raw.bfd ?? false;
  if (setting === false) return null;
  const { transmit = 300, receive = 300, multiplier = 3, strict = false } = setting === true ? {} : setting;
  return { transmit, receive, multiplier, strict };
}

function resolveGracefulRestart(raw: RawPeer, context: PeerContext): GracefulRestartConfig | null {
  const setting = raw["graceful-restart"] ?? true;
  if (setting === false) return null;
  const settings = setting === true ? {} : setting;
  return {
    restarter: context.restarter,
    restartTimeSeconds: settings["restart-time"] ?? 120,
    stalePathTimeSeconds: settings["stale-path-time"] ?? 300,
    longLivedSeconds: settings["long-lived"] ?? 0,
  };
}

function resolvePassword(layers: Layers, context: PeerContext): Secret | null {
  const { source, problems, host } = context;
  const raw = layers.raw.password as { file?: string; env?: string } | undefined;
  if (raw === undefined) return null;
  const path = layers.path("password");
  const known = JSON.stringify([raw.file, raw.env]);
  if (context.secrets.has(known)) return context.secrets.get(known) ?? null;
  const fail = (key: string, problem: string): null => {
    const at = [...path, key];
    const place = source.place(at);
    problems.error(`Cannot use ${nameOf(source, path)}: ${problem}`, place, at);
    context.secrets.set(known, undefined);
    return null;
  };
  if ((raw.file === undefined) === (raw.env === undefined)) {
    // A key that was wrong has been told already.
    if (raw.file === undefined && (source.has([...path, "file"]) || source.has([...path, "env"]))) return null;
    return fail("", "must be {file: PATH} or {env: NAME}");
  }
  let value: string | undefined;
  let key: "file" | "env";
  if (raw.file !== undefined) {
    key = "file";
    const file = isAbsolute(raw.file) ? raw.file : join(context.directory, raw.file);
    try {
      value = cutNewline(host.readFile(file));
      if (host.isWorldReadable(file))
        problems.warn(`Everybody on this machine can read the secret in ${file}`, source.place([...path, "file"]));
    } catch (error) {
      return fail(
        key,
        `the file ${isAbsolute(raw.file) ? raw.file : join(dirname(source.file), raw.file)} can't be read (${systemReason(error)})`,
      );
    }
  } else {
    key = "env";
    value = host.environment(raw.env!);
    if (value === undefined) return fail(key, `the environment has no ${raw.env}`);
  }
  const fault = faultOfKey(value);
  if (fault !== undefined) return fail(key, `what ${key === "file" ? "the file" : "the variable"} holds ${fault}`);
  const secret = new LoadedSecret(raw.file !== undefined ? { file: raw.file } : { env: raw.env! }, value);
  context.secrets.set(known, secret);
  return secret;
}
