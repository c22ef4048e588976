/** Pieces of configuration that many scenarios share. Timers are short, so that what depends on them is seen soon. */

/** For a BIRD `protocol bgp`. */
export const birdTimers =
  "hold time 9; keepalive time 3; connect retry time 1; connect delay time 1; error wait time 1, 2; error forget time 1;";

/** For `router bgp`: FRR as other daemons behave, and no waiting. */
export const frrDefaults = ` no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast
 timers bgp 3 9
`;

/** Of an FRR neighbor. */
export const frrNeighbor = (address: string, remoteAs: number): string => ` neighbor ${address} remote-as ${remoteAs}
 neighbor ${address} timers connect 1
 neighbor ${address} advertisement-interval 0
`;

/** For a neighbor or peer group of ours. */
export const ourTimers = "timers: {hold-time: 9, keepalive: 3, connect-retry: 1}";

/** For a neighbor of ours that carries both families. */
export const bothFamilies = "address-families: {ipv4-unicast: {}, ipv6-unicast: {}}";
