/**
 * The lab: several speakers on one machine, each a process of its own as it would be on a host of its own.
 *
 *   topology (what is wanted) → plan (addresses, links, a config per host: pure) → stage (namespaces or loopback) → speakers → screen
 *
 * As root every host is a network namespace with real links and kernel routes, and a workload that can be pinged. Without,
 * hosts are loopback addresses and FIBs live in memory: the same speakers and the same BGP.
 */

/** A rack: an AS with one reflector, which is also the rack's gateway, and nodes that own a block each. */
export interface RackTopology {
  readonly name: string;
  readonly as: number;
  /** The rack's subnet, "192.168.100.0/24": the reflector is .1, nodes count from .100. */
  readonly subnet: string;
  /** One block per node. */
  readonly blocks: readonly string[];
}

export interface Topology {
  readonly racks: readonly RackTopology[];
}

/** The lectures' rack, twice: blocks 172.17.8.0/24, 172.17.9.0/24 and so on, iBGP inside, eBGP between the reflectors. */
export const defaultTopology: Topology = {
  racks: [
    {
      name: "a",
      as: 65001,
      subnet: "192.168.100.0/24",
      blocks: ["172.17.8.0/24", "172.17.9.0/24", "172.17.10.0/24"],
    },
    {
      name: "b",
      as: 65002,
      subnet: "192.168.200.0/24",
      blocks: ["172.17.11.0/24", "172.17.12.0/24", "172.17.13.0/24"],
    },
  ],
};
