import t from "tap";
import { isOfIpv6 } from "../../src/mrt/message-family.ts";
import { attribute, ipv4, sequence, update } from "../../testbed/speaker/octets.ts";

const before = [attribute(0x40, 1, "00"), attribute(0x50, 2, sequence([64500]))];
const is = (octets: Uint8Array) => isOfIpv6(octets, 19, octets.length);

t.test("an UPDATE is about IPv6 if its MP attribute says so, wherever that stands", async (t) => {
  const reach = attribute(0x80, 14, `0002 01 10 ${"20010db8".padEnd(32, "0")} 00 30 20010db80001`);
  const unreach = attribute(0x80, 15, "0002 01 30 20010db80001");
  t.equal(is(update({ attributes: [...before, reach] })), true);
  t.equal(is(update({ attributes: [unreach] })), true);
  t.equal(is(update({ attributes: [...before, attribute(0x40, 3, ipv4("192.0.2.1"))], nlri: "18c63364" })), false);
  t.equal(is(update({ withdrawn: "18c63364" })), false);
  t.equal(is(update({ attributes: [attribute(0x80, 15, "0001 01")] })), false);
});

t.test("damage is no IPv6, and reading it comes to an end", async (t) => {
  const whole = update({ attributes: before });
  for (let end = 19; end <= whole.length; end++) t.equal(isOfIpv6(whole.slice(0, end), 19, end), false);
  for (let at = 19; at < whole.length; at++) is(Uint8Array.from(whole).fill(0xff, at));
});
