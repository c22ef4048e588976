import t from "tap";
import { LocalAddresses } from "../../../src/kernel/local-addresses.ts";
import type { KernelLink } from "../../../src/kernel/reader.ts";
import { parseAddress } from "../../../src/lib/address.ts";
import type { Agreed } from "../../../src/session/agreed.ts";
import type { PeerIdentity } from "../../../src/speaker/peer.ts";
import { ownSide } from "../../../src/speaker/peers/peer-group-key.ts";
import { parse } from "../../config/support.ts";

t.test("our next hop for IPv4 on an IPv6 session", async (t) => {
  const config = parse("router: {as: 65001, router-id: 10.0.0.1, address: 10.255.0.1}");
  const identity = { settings: { localAs: 65001 } } as PeerIdentity;
  const onLink = (ipv4: boolean, extendedNextHop: boolean) => {
    const local = new LocalAddresses(() => {});
    const add = (text: string, length: number, scope: number) => {
      const words = parseAddress(text);
      local.address({
        ifindex: 2,
        family: words.length === 4 ? 1 : 0,
        words,
        length,
        scope,
        tentative: false,
        passing: false,
        peer: null,
      });
    };
    add("fe80::1", 64, 253);
    if (ipv4) add("192.168.1.10", 24, 0);
    local.link({ ifindex: 2, name: "eth0", running: true } as KernelLink);
    const agreed = {
      localAddress: "fe80::1%eth0",
      remoteAddress: "fe80::2%eth0",
      codec: { extendedNextHop },
    } as Agreed;
    return ownSide(config, identity, agreed, local).addresses[0];
  };
  t.same(onLink(true, true), parseAddress("192.168.1.10"), "the one of the same interface");
  t.same(onLink(true, false), parseAddress("192.168.1.10"));
  t.same(onLink(false, true), parseAddress("fe80::1"), "without one the session's own, where both can (RFC 8950)");
  t.same(onLink(false, false), parseAddress("10.255.0.1"), "else the router's");
});
