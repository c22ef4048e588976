/** Names of rtm_protocol as /etc/iproute2/rt_protos gives them: who owns a route. */
const names: Readonly<Record<number, string>> = {
  0: "unspec",
  1: "redirect",
  2: "kernel",
  3: "boot",
  4: "static",
  8: "gated",
  9: "ra",
  10: "mrt",
  11: "zebra",
  12: "bird",
  13: "dnrouted",
  14: "xorp",
  15: "ntk",
  16: "dhcp",
  17: "mrouted",
  18: "keepalived",
  42: "babel",
  84: "ovn",
  99: "openr",
  186: "bgp",
  187: "isis",
  188: "ospf",
  189: "rip",
  192: "eigrp",
};

/** The name of a routing protocol number, or the number itself. */
export const protocolName = (protocol: number): string => names[protocol] ?? String(protocol);
