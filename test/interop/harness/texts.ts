import { stretched } from "../../../testbed/pace.ts";

/**
 * Pieces of configuration that many scenarios share. Timers are short, so that what depends on them is seen soon, and longer where
 * the machine is slow, so that a daemon that gets no CPU is not taken for a dead one.
 */
export const hold = stretched(9, 30);

const birdRetries = "connect retry time 1; connect delay time 1; error wait time 1, 2; error forget time 1;";

/** For a BIRD `protocol bgp`; with the hold time that is usual here, or another one. */
export const birdTimersOf = (holdTime: number): string => `hold time ${holdTime}; ${birdRetries}`; // keepalive: a third
export const birdTimers = birdTimersOf(hold);

/** For `router bgp`: FRR as other daemons behave, and no waiting. */
export const frrDefaultsOf = (holdTime: number): string => ` no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast
 timers bgp ${Math.floor(holdTime / 3)} ${holdTime}
`;
export const frrDefaults = frrDefaultsOf(hold);

/** Of an FRR neighbor. */
export const frrNeighbor = (address: string, remoteAs: number): string => ` neighbor ${address} remote-as ${remoteAs}
 neighbor ${address} timers connect 1
 neighbor ${address} advertisement-interval 0
`;

/** For a neighbor or peer group of ours. */
export const ourTimersOf = (holdTime: number): string =>
  `timers: {hold-time: ${holdTime}, keepalive: ${Math.floor(holdTime / 3)}, connect-retry: 1}`;
export const ourTimers = ourTimersOf(hold);

/** For a neighbor of ours that carries both families. */
export const bothFamilies = "address-families: {ipv4-unicast: {}, ipv6-unicast: {}}";
