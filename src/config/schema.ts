import type { z } from "zod";
import { policySchema, prefixListSchema } from "./policy-schema.ts";
import * as s from "./scalars.ts";
import { key, leaf, listOf, mapping, mappingOr, named, oneOrMore, section } from "./schema-kit.ts";

/**
 * The configuration file in YAML's words, key by key: what is known, how each value is written, and the text of
 * `docs/configuration.md`. Nothing is required and nothing defaulted here; `resolve.ts` does both, since a group is
 * inherited leaf by leaf before a default can apply. The defaults named here are tested against it.
 */

const password = mappingOr(
  mapping({
    file: key(s.path, "File with the secret; one trailing newline is cut."),
    env: key(s.name, "Environment variable with the secret."),
  }),
  leaf("{file: PATH} or {env: NAME}; a secret never stands in the config itself", () => undefined),
);

const maximumPrefix = mappingOr(
  mapping({
    limit: key(s.integer(1, 100_000_000), "Prefixes of this family that the peer may send."),
    action: key(
      s.oneOf("warn", "discard", "restart"),
      "What happens above it: a log line; further prefixes are not accepted; the session ends with Cease 6/1.",
      "restart",
    ),
    count: key(s.oneOf("received", "accepted"), "Whether policy's rejects count.", "received"),
    "restart-after": key(s.seconds(1, 86_400), "With action restart: how long the session stays down.", "60"),
  }),
  s.integer(1, 100_000_000),
);

const familySettings = section(
  mapping({
    "maximum-prefix": key(maximumPrefix, "A limit for this family; a number alone is its `limit`.", "none"),
  }),
);

const addressFamilies = mapping({
  "ipv4-unicast": key(familySettings, "IPv4 unicast is spoken."),
  "ipv6-unicast": key(familySettings, "IPv6 unicast is spoken."),
});

const timers = mapping({
  "hold-time": key(
    leaf("0 or at least 3 seconds", (value) =>
      typeof value === "number" && Number.isInteger(value) && (value === 0 || (value >= 3 && value <= 65_535))
        ? value
        : undefined,
    ),
    "Seconds of silence after which the peer counts as dead; 0: never (RFC 4271 §4.2).",
    "90",
  ),
  keepalive: key(
    s.seconds(0, 21_845),
    "Seconds between KEEPALIVEs, shortened to a third of the agreed hold time.",
    "hold-time / 3",
  ),
  "connect-retry": key(
    s.seconds(1, 65_535),
    "Seconds between attempts to connect, times 0.75 to 1 (RFC 4271 §10).",
    "5",
  ),
  "advertisement-interval": key(s.seconds(0, 600), "Seconds between two rounds of UPDATEs to the peer.", "0"),
  "delay-open": key(s.seconds(0, 240), "Seconds to wait for the peer's OPEN before sending ours; 0: off.", "0"),
  "send-hold-time": key(
    s.seconds(0, 65_535),
    "Seconds after which a peer that takes nothing of what we send is given up (RFC 9687); above hold-time, 0: never.",
    "the larger of 480 and twice the agreed hold time",
  ),
});

const gracefulRestart = mappingOr(
  mapping({
    "restart-time": key(
      s.seconds(0, 4095),
      "Seconds for which the peer should keep our routes when we go (RFC 4724).",
      "120",
    ),
    "stale-path-time": key(
      s.seconds(1, 86_400),
      "Seconds for which we keep a peer's routes at most, after it came back.",
      "300",
    ),
    "long-lived": key(
      s.seconds(0, 16_777_215),
      "Seconds for which routes live on as long-lived stale (RFC 9494); 0: off.",
      "0",
    ),
  }),
  s.boolean,
);

const milliseconds = s.integer(10, 60_000, "milliseconds from 10 to 60000");

const bfd = mappingOr(
  mapping({
    transmit: key(milliseconds, "Milliseconds between two packets that we send, at least.", "300"),
    receive: key(milliseconds, "Milliseconds between two packets that we take, at least.", "300"),
    multiplier: key(s.integer(1, 255), "So many packets in a row may be missed.", "3"),
    strict: key(s.boolean, "The BGP session waits for BFD, and is down without it.", "false"),
  }),
  s.boolean,
);

/** What a group, a neighbor and a range have in common. */
const peer = {
  "remote-as": key(s.remoteAs, "The peer's AS; `internal`: ours; `external`: any other."),
  port: key(s.integer(1, 65_535, "a port from 1 to 65535"), "TCP port of the peer.", "179"),
  description: key(s.text, "For people.", '""'),
  "local-address": key(s.address, "Source address of the session.", "chosen by the kernel"),
  "local-as": key(s.asn, "The AS that we claim to this external peer instead of `router.as`.", "router.as"),
  shutdown: key(s.boolean, "No session, until `peerage enable` says otherwise.", "false"),
  passive: key(s.boolean, "Never dials, only answers.", "false"),
  multihop: key(s.integer(1, 255), "Hops that an external peer may be away.", "1 (TTL 1)"),
  "ttl-security": key(
    s.integer(1, 254),
    "Hops for GTSM (RFC 5082): packets from farther away are dropped by the kernel. Not with `multihop`.",
    "off",
  ),
  password: key(password, "TCP MD5 key (RFC 2385): from a file or the environment."),
  timers: key(timers, "Session timers."),
  bfd: key(
    bfd,
    "Watches the path to the peer (RFC 5880): the session ends as soon as it fails. `true`: 300 ms times 3.",
    "false",
  ),
  "address-families": key(
    addressFamilies,
    "Families to speak; replaces a group's as a whole.",
    "that of the neighbor's address",
  ),
  "extended-next-hop": key(
    s.boolean,
    "IPv4 routes with an IPv6 next hop (RFC 8950).",
    "true if IPv4 is spoken over IPv6",
  ),
  "extended-messages": key(s.boolean, "Messages of up to 65,535 octets (RFC 8654).", "true"),
  "add-path": key(
    mapping({
      send: key(
        leaf("all, or a number of paths from 0 to 255", (value) =>
          value === "all" || (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 255)
            ? (value as number | "all")
            : undefined,
        ),
        "Paths per prefix to send; 0: the best only, without ADD-PATH.",
        "0",
      ),
      receive: key(s.boolean, "Accept several paths per prefix.", "false"),
    }),
    "Several paths per prefix (RFC 7911).",
  ),
  "graceful-restart": key(
    gracefulRestart,
    "Keep a restarting peer's routes, and ask for the same where our kernel routes survive; `false`: neither.",
    "true",
  ),
  "route-reflector-client": key(s.boolean, "An internal peer whose routes are reflected (RFC 4456).", "false"),
  "next-hop-self": key(
    leaf("true, false or force", (value) => (typeof value === "boolean" || value === "force" ? value : undefined)),
    "Our address as next hop of own and eBGP routes sent to an internal peer; `force`: of reflected ones too.",
    "false",
  ),
  "next-hop-unchanged": key(s.boolean, "To an external peer: the next hop stays.", "false"),
  "allowas-in": key(s.integer(0, 10), "How often our own AS may stand in a received AS_PATH.", "0"),
  "enforce-first-as": key(s.boolean, "The first AS of an external peer's AS_PATH must be its own.", "true"),
  role: key(
    s.oneOf("provider", "rs-server", "rs-client", "customer", "peer"),
    "Our role on an external session (RFC 9234).",
    "none: OTC is carried untouched",
  ),
  "drop-attributes": key(
    oneOrMore(s.integer(1, 255, "an attribute code from 1 to 255")),
    "Attribute codes to drop on receipt.",
    "[]",
  ),
  "import-policy": key(
    oneOrMore(s.name),
    "Policies tried in order on what comes in.",
    "internal: accept; external: reject (RFC 8212)",
  ),
  "export-policy": key(
    oneOrMore(s.name),
    "Policies tried in order on what goes out.",
    "internal: accept; external: reject (RFC 8212)",
  ),
};

export const peerGroupSchema = mapping(peer);

const groupName = key(s.name, "Group whose settings hold wherever this entry has none of its own.", "none");

const neighbor = mapping({
  address: key(s.peerAddress, "Address of the peer."),
  "peer-group": groupName,
  ...peer,
});

const dynamicNeighbors = mapping({
  range: key(s.prefix, "Any host in this prefix may connect; the longest range counts, a listed neighbor before all."),
  "peer-group": groupName,
  limit: key(s.integer(0, 1_000_000), "Members at a time; 0: no limit. Refused ones are logged and counted.", "0"),
  ...peer,
});

/** The address of this node: a literal, or how to find it. */
const ownAddress = mappingOr(
  mapping({
    method: key(s.oneOf("first-found"), "The first address that is no container's, tunnel's or loopback's."),
    interface: key(s.interfacePattern, "The first address of that interface."),
    cidr: key(s.prefix, "The first address inside that prefix."),
  }),
  s.address,
);

const router = mapping({
  as: key(s.asn, "The AS of this router, four octets.", "that of its inventory entry"),
  name: key(
    s.name,
    "Name of this node: finds its inventory entry, and is what `router-id: hash` hashes.",
    "the host's name",
  ),
  "router-id": key(s.routerId, "BGP identifier; `auto`: the node's IPv4 address; `hash`: of the node's name.", "auto"),
  address: key(
    ownAddress,
    "The node's own IPv4 address: next hop of own routes where the session has none.",
    "that of its inventory entry",
  ),
  address6: key(ownAddress, "The same for IPv6.", "that of its inventory entry"),
  "cluster-id": key(
    s.identifier,
    "RFC 4456; distinct on each reflector unless all clients peer with all that share it.",
    "the router-id",
  ),
  listen: key(
    mapping({
      address: key(
        oneOrMore(s.address),
        "Addresses to listen on (`::` takes IPv6 only); one that the host doesn't have yet is waited for. `[]`: only dials.",
        '["0.0.0.0", "::"]',
      ),
      port: key(s.integer(1, 65_535, "a port from 1 to 65535"), "TCP port.", "179"),
    }),
    "Where peers connect.",
  ),
  "best-path": key(
    mapping({
      "always-compare-med": key(s.boolean, "Compare MED between different neighbor ASes too.", "false"),
      "deterministic-med": key(s.boolean, "Compare the paths of one neighbor AS first (RFC 4271 §9.1.2.2).", "true"),
    }),
    "Options of the decision.",
  ),
  "selection-deferral": key(
    s.seconds(0, 3600),
    "After a restart with earlier state: how long installing waits for End-of-RIB, at most (RFC 4724 §4.1).",
    "60",
  ),
});

const topology = mapping({
  mode: key(
    s.oneOf("mesh", "reflector", "none"),
    "`mesh`: a session with every node of the inventory; `reflector`: with the reflectors of the rack, or as one of them with its nodes and the other reflectors.",
    "none",
  ),
  "mesh-warn-above": key(s.integer(2, 1_000_000), "Nodes above which a mesh gets a warning.", "100"),
  inventory: key(
    mappingOr(
      mapping({
        file: key(s.path, "`nodes.yaml`: `nodes: [{name, address, address6, as, rack, role, labels, blocks, port}]`."),
      }),
      leaf<never>("{file: PATH}", () => undefined),
    ),
    "Where the nodes are listed.",
  ),
});

const communities = key(oneOrMore(s.community), "Communities to attach.", "[]");
const largeCommunities = key(oneOrMore(s.largeCommunity), "Large communities to attach.", "[]");

const originate = mapping({
  prefix: key(s.prefix, "An own prefix; wins over anything learned."),
  "inventory-blocks": key(s.boolean, "Instead of `prefix`: the blocks of this node's inventory entry.", "false"),
  workloads: key(
    mapping({
      interfaces: key(oneOrMore(s.interfacePattern), "Interfaces whose link routes (/32, /128) are workloads."),
      advertise: key(
        s.oneOf("when-outside-block", "always"),
        "Whether those inside an own block are left out.",
        "when-outside-block",
      ),
    }),
    "Instead of `prefix`: workload addresses as they come and go.",
  ),
  blackhole: key(s.boolean, "Also a blackhole route in the kernel: loop protection for the block.", "false"),
  communities,
  "large-communities": largeCommunities,
  med: key(s.integer(0, 0xffffffff), "MED to attach.", "none"),
  "local-pref": key(s.integer(0, 0xffffffff), "LOCAL_PREF to attach.", "100"),
});

const kernel = mapping({
  fib: key(
    s.oneOf("kernel", "memory", "none"),
    "`kernel`: routes are installed; `memory`: kept here only; `none`: a pure reflector, next hops count as reachable (our own addresses are none), links and addresses alone are watched.",
    "kernel",
  ),
  table: key(
    leaf("main, default, or a table number from 1 to 4294967295 (255 is the kernel's own)", (value) => {
      if (value === "main") return 254;
      if (value === "default") return 253;
      return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 0xffffffff && value !== 255
        ? value
        : undefined;
    }),
    "Routing table.",
    "main",
  ),
  protocol: key(
    leaf("bgp, or a protocol number from 5 to 255", (value) => {
      if (value === "bgp") return 186;
      return typeof value === "number" && Number.isInteger(value) && value >= 5 && value <= 255 ? value : undefined;
    }),
    "Marks our routes (`ip route show proto bgp`); those of another are never touched.",
    "bgp",
  ),
  metric: key(s.integer(1, 0xffffffff), "Metric of our routes.", "32"),
  "maximum-paths": key(s.integer(1, 64), "ECMP width.", "1"),
  weighted: key(
    s.boolean,
    "Whether equal paths share by their link bandwidths (extended community `lb:`), where every one of them tells one.",
    "false",
  ),
  writer: key(
    leaf("process, inside, or the absolute path of a writer's socket", (value) =>
      value === "process" || value === "inside" || (typeof value === "string" && value.startsWith("/"))
        ? value
        : undefined,
    ),
    "Who writes to the kernel: a process of its own, the daemon itself, or a separate unit behind a socket.",
    "process",
  ),
  "nexthop-objects": key(s.boolean, "Nexthop objects instead of plain routes.", "false"),
  "resolve-via-default": key(s.boolean, "Whether a next hop may resolve through a default route.", "false"),
  "on-link": key(
    leaf("auto, true or false", (value) => (value === "auto" || typeof value === "boolean" ? value : undefined)),
    "The `onlink` flag; `auto`: on routes through a directly connected next hop.",
    "auto",
  ),
  "keep-on-exit": key(s.boolean, "Our routes stay when the daemon goes, and are swept after it has come back.", "true"),
  "ignore-interfaces": key(
    oneOrMore(s.interfacePattern),
    "Interfaces that carry no next hops and no own address.",
    "[]",
  ),
});

const limits = mapping({
  memory: key(
    s.memory("auto", "none"),
    "Budget for routes and what they need; `auto`: three quarters of what the control group or the machine has, less 96 MiB (a third at most) for the program. Near it new sessions are refused, then the heaviest peer is not read, then it is ended with Cease 6/8.",
    "auto",
  ),
  "memory-per-peer": key(s.memory("none"), "Budget for the routes of one peer; above it that peer is ended.", "none"),
  "half-open": key(
    s.integer(1, 100_000),
    "Members of ranges that have connected but not shaken hands; one more takes the place of the oldest.",
    "1000",
  ),
  announced: key(s.integer(0, 10_000_000), "Routes that may be announced at run time (`peerage announce`).", "100000"),
  "paths-per-prefix": key(
    s.integer(1, 1_000_000),
    "Paths that one neighbor may have for one prefix, where it sends several (`add-path`); more are not taken in.",
    "1024",
  ),
});

const tunnel = mapping({
  kind: key(s.oneOf("ipip", "vxlan"), "How packets are wrapped."),
  device: key(s.interfaceName, "Name of the device.", "tunl0 or vxlan.bgp"),
  mtu: key(
    leaf("auto, or a number from 576 to 65535", (value) =>
      value === "auto" || (typeof value === "number" && Number.isInteger(value) && value >= 576 && value <= 65_535)
        ? (value as number | "auto")
        : undefined,
    ),
    "`auto`: the underlay's, less the wrapping.",
    "auto",
  ),
  when: key(s.oneOf("never", "always", "cross-subnet"), "Which next hops are reached through it.", "cross-subnet"),
  vni: key(s.integer(1, 16_777_215), "VXLAN network identifier."),
  port: key(s.integer(1, 65_535, "a port from 1 to 65535"), "VXLAN's UDP port.", "4789"),
});

const telemetry = mapping({
  metrics: key(
    mapping({
      listen: key(s.hostPort, "Where Prometheus reads `/metrics`."),
      "per-peer-up-to": key(
        s.integer(0, 1_000_000),
        "Above this number of peers the series of single peers are left out; sums stay.",
        "200",
      ),
      hosts: key(
        listOf(s.hostName),
        "Names under which it may be asked besides addresses, `localhost` and the host's own: others get 421 (DNS rebinding).",
        "[]",
      ),
    }),
    "Metrics over HTTP.",
    "off",
  ),
  web: key(
    mapping({ listen: key(s.hostPort, "Where the looking glass is served.") }),
    "Looking glass over HTTP.",
    "off",
  ),
  bmp: key(listOf(mapping({ connect: key(s.hostPort, "A BMP collector.") })), "BMP collectors (RFC 7854).", "[]"),
  mrt: key(
    mapping({
      directory: key(
        s.path,
        "Folder for `updates.YYYYMMDD.HHMM[.gz]` and `rib.YYYYMMDD.HHMM[.gz]` (UTC); it is made if it isn't there.",
      ),
      updates: key(
        mapping({
          rotate: key(
            s.seconds(0, 86_400),
            "How long one file of received UPDATEs and state changes lasts; 0: none is written.",
            "900",
          ),
        }),
        "What comes in.",
      ),
      tables: key(
        mapping({
          every: key(
            s.seconds(0, 604_800),
            "How often the tables are written; 0: only for `peerage mrt --dump`.",
            "7200",
          ),
        }),
        "What there is.",
      ),
      compress: key(s.boolean, "Files are packed by gzip.", "true"),
      file: key(
        leaf("absent: write `directory: PATH`, as there are several files", () => undefined),
        "Of an earlier version; refused.",
      ),
    }).nullable(),
    "MRT dumps (RFC 6396).",
    "null",
  ),
  log: key(
    mapping({
      format: key(s.oneOf("text", "json"), "One line per event.", "text"),
      level: key(s.oneOf("debug", "info", "warn", "error"), "The least that is written.", "info"),
    }),
    "Log lines on stdout.",
  ),
});

const control = mapping({
  socket: key(s.path, "Unix socket of the command line, mode 0660.", "/run/peerage/peerage.sock"),
});

/** The whole file. */
export const fileSchema = mapping({
  router: key(section(router), "Who we are."),
  topology: key(section(topology), "Peers by inventory."),
  originate: key(section(listOf(originate)), "Own prefixes.", "[]"),
  "peer-groups": key(
    section(named(peerGroupSchema)),
    "Settings under a name. Sessions of the inventory use `mesh`, or `clients` and `reflectors`, where there is one.",
  ),
  neighbors: key(section(listOf(neighbor)), "Peers by address.", "[]"),
  "dynamic-neighbors": key(section(listOf(dynamicNeighbors)), "Peers by range; we never dial them.", "[]"),
  "prefix-lists": key(section(named(prefixListSchema)), "Sets of prefixes under a name."),
  policies: key(section(named(policySchema)), "Policies: lists of terms, tried in order; the end rejects."),
  kernel: key(section(kernel), "Kernel routes."),
  limits: key(section(limits), "What others may make us spend."),
  tunnels: key(section(listOf(tunnel)), "Overlay devices.", "[]"),
  telemetry: key(section(telemetry), "What can be watched."),
  control: key(section(control), "How we are told."),
});

export type RawConfig = z.infer<typeof fileSchema>;
export type RawPeer = z.infer<typeof peerGroupSchema>;
export type RawOriginate = z.infer<typeof originate>;
export type RawOwnAddress = z.infer<typeof ownAddress>;

const node = mapping({
  name: key(s.name, "Name of the node."),
  address: key(s.address, "Its IPv4 address."),
  address6: key(s.address, "Its IPv6 address."),
  as: key(s.asn, "Its AS.", "router.as"),
  rack: key(s.name, "Its rack."),
  role: key(s.oneOf("node", "reflector"), "Whether it reflects.", "node"),
  labels: key(named(s.text), "For people: nothing reads them.", "{}"),
  blocks: key(oneOrMore(s.prefix), "Prefixes that belong to it.", "[]"),
  port: key(s.integer(1, 65_535, "a port from 1 to 65535"), "TCP port that it listens on.", "router.listen.port"),
});

/** `nodes.yaml`. */
export const inventorySchema = mapping({ nodes: key(section(listOf(node)), "The nodes.") });
export type RawNode = z.infer<typeof node>;
