import t from "tap";
import { type ControlPacket, decodePacket, encodePacket, SessionState } from "../../src/bfd/packet.ts";
import { seededRandom } from "../../src/lib/random.ts";

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

/** As FRR's bfdd sends it in state Down: version 1, multiplier 3, 24 octets, one second, and an Echo interval. */
const down = "20 40 03 18 6e3c4a01 00000000 000f4240 000f4240 0000c350";

t.test("a packet of FRR's reads as it says, and is written again octet by octet", async (t) => {
  const packet = decodePacket(bytesOf(down));
  t.same(packet, {
    diagnostic: 0,
    state: SessionState.Down,
    poll: false,
    final: false,
    controlPlaneIndependent: false,
    demand: false,
    multiplier: 3,
    myDiscriminator: 0x6e3c4a01,
    yourDiscriminator: 0,
    desiredMinTx: 1_000_000,
    requiredMinRx: 1_000_000,
    requiredMinEchoRx: 50_000,
  });
  t.same(Buffer.from(encodePacket(packet as ControlPacket)).toString("hex"), down.replaceAll(" ", ""));
});

/** RFC 5880 §6.8.6: each reason to discard that shows in the packet alone. */
const faults: [string, string, string][] = [
  ["shorter than 24 octets", "20 40 03 18 6e3c4a01 00000000 000f4240 000f4240 0000c3", "length"],
  ["empty", "", "length"],
  ["version 0", "00 40 03 18 6e3c4a01 00000000 000f4240 000f4240 0000c350", "version"],
  ["version 2", "40 40 03 18 6e3c4a01 00000000 000f4240 000f4240 0000c350", "version"],
  ["a length of 23", "20 40 03 17 6e3c4a01 00000000 000f4240 000f4240 0000c350", "length"],
  ["a length of 24 with the A bit", "20 44 03 18 6e3c4a01 00000000 000f4240 000f4240 0000c350 0000", "length"],
  ["a length greater than the payload", "20 40 03 19 6e3c4a01 00000000 000f4240 000f4240 0000c350", "length"],
  ["multiplier 0", "20 40 00 18 6e3c4a01 00000000 000f4240 000f4240 0000c350", "multiplier"],
  ["the M bit", "20 41 03 18 6e3c4a01 00000000 000f4240 000f4240 0000c350", "multipoint"],
  ["My Discriminator 0", "20 40 03 18 00000000 00000000 000f4240 000f4240 0000c350", "discriminator"],
  ["Your Discriminator 0 in state Init", "20 80 03 18 6e3c4a01 00000000 000f4240 000f4240 0000c350", "state"],
  ["Your Discriminator 0 in state Up", "20 c0 03 18 6e3c4a01 00000000 000f4240 000f4240 0000c350", "state"],
  [
    "authentication, which nobody agreed on",
    "20 44 03 1a 6e3c4a01 00000000 000f4240 000f4240 0000c350 0000",
    "authentication",
  ],
];
for (const [what, hex, fault] of faults)
  t.test(`dropped: ${what} (RFC 5880 §6.8.6)`, async (t) => t.equal(decodePacket(bytesOf(hex)), fault));

t.test("taken: Your Discriminator 0 in AdminDown; more payload than the length says", async (t) => {
  t.type(decodePacket(bytesOf("20 00 03 18 6e3c4a01 00000000 000f4240 000f4240 00000000")), "object");
  t.type(decodePacket(bytesOf(`${down} 00112233`)), "object");
});

t.test("any octets are a packet or a name, and a packet is written as it was read", async (t) => {
  const random = seededRandom(1);
  let packets = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = Uint8Array.from({ length: Math.floor(random.next() * 40) }, () => Math.floor(random.next() * 256));
    if (round % 2 === 0 && bytes.length >= 24) {
      bytes[0] = 0x20 | (bytes[0]! & 31);
      bytes[1] = bytes[1]! & 0xfa;
      bytes[3] = 24;
    }
    const packet = decodePacket(bytes);
    if (typeof packet === "string") continue;
    packets++;
    if (Buffer.compare(encodePacket(packet), bytes.subarray(0, 24)) !== 0) t.fail(Buffer.from(bytes).toString("hex"));
  }
  t.ok(packets > 1000, `${packets} of them were packets`);
});
