import t from "tap";
import { LocalAddresses } from "../../src/kernel/local-addresses.ts";
import type { KernelAddress, KernelLink } from "../../src/kernel/reader.ts";
import { formatAddress, parseAddress } from "../../src/lib/address.ts";

const link = (ifindex: number, running = true): KernelLink => ({
  ifindex,
  name: `eth${ifindex}`,
  up: running,
  running,
  mtu: 1500,
  loopback: false,
  pointToPoint: false,
  kind: "",
  hardwareAddress: "",
  alias: "",
});

function address(ifindex: number, text: string, more: Partial<KernelAddress> = {}): KernelAddress {
  const [host, length] = text.split("/");
  const words = parseAddress(host!);
  const scope = host!.startsWith("fe80") ? 253 : 0;
  const family = words.length === 1 ? 0 : 1;
  return {
    ifindex,
    family,
    words,
    length: Number(length),
    peer: null,
    scope,
    tentative: false,
    passing: false,
    ...more,
  };
}

/** Two links that are up, with these addresses. */
function host(...addresses: KernelAddress[]): LocalAddresses {
  const local = new LocalAddresses(() => {});
  for (const ifindex of [1, 2]) local.link(link(ifindex));
  for (const each of addresses) local.address(each);
  return local;
}

t.test("the zone names the link, whichever links have the address", async (t) => {
  const local = host(address(1, "fe80::1/64"), address(2, "fe80::1/64"), address(2, "2001:db8::1/64"));
  t.equal(local.interfaceOf("fe80::1%eth2", "fe80::2%eth2"), 2);
  t.equal(local.linkOf("fe80::1%eth2", "fe80::2%eth2"), "eth2");
  t.equal(local.interfaceOf("fe80::1%eth1", "fe80::2%eth1"), 1);
  t.ok(local.losesSession(2, "fe80::1%eth2", "fe80::2%eth2"));
  t.notOk(local.losesSession(1, "fe80::1%eth2", "fe80::2%eth2"));
  t.equal(local.on(1, 1), null, "the other link's address is not this one's");
});

t.test("of several links with one address it is the one that the neighbor is on", async (t) => {
  const peerOf = (text: string) => ({ peer: parseAddress(text) });
  const local = host(address(1, "192.0.2.1/32", peerOf("10.0.0.1")), address(2, "192.0.2.1/32", peerOf("10.0.0.2")));
  t.equal(local.interfaceOf("192.0.2.1", "10.0.0.1"), 1);
  t.equal(local.interfaceOf("192.0.2.1", "10.0.0.2"), 2);
  t.ok(local.losesSession(2, "192.0.2.1", "10.0.0.2"));
  t.notOk(local.losesSession(1, "192.0.2.1", "10.0.0.2"));
  t.notOk(local.losesSession(1, "192.0.2.1", "203.0.113.7"), "a neighbor somewhere else may be reached another way");
});

t.test("a session survives the end of one of two links that both lead to the neighbor", async (t) => {
  const local = host(address(1, "10.0.0.1/24"), address(2, "10.0.0.1/24"));
  t.notOk(local.losesSession(1, "10.0.0.1", "10.0.0.2"));
  local.link(link(2, false));
  t.ok(local.losesSession(1, "10.0.0.1", "10.0.0.2"), "as long as the other is up");
});

t.test("others are told an address that stays, and none that isn't usable yet", async (t) => {
  const local = host(
    address(1, "2001:db8::a/64", { tentative: true }),
    address(1, "2001:db8::b/64", { passing: true }),
    address(1, "2001:db8::c/64"),
    address(1, "fe80::1/64"),
  );
  const told = () => {
    const words = local.on(1, 1);
    return words && formatAddress(words);
  };
  t.equal(told(), "2001:db8::c");
  local.address(address(1, "2001:db8::a/64"));
  t.equal(told(), "2001:db8::a", "once it is: the first that stays");
  local.addressGone(address(1, "2001:db8::a/64"));
  local.addressGone(address(1, "2001:db8::c/64"));
  t.equal(told(), "2001:db8::b", "better than none");
  local.addressGone(address(1, "2001:db8::b/64"));
  t.equal(told(), null);
});
