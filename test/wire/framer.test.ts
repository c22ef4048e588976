import fc from "fast-check";
import t from "tap";
import { Framer, HEADER_LENGTH, MessageType } from "../../src/wire/framer.ts";
import { encodeKeepalive } from "../../src/wire/message/keepalive.ts";
import { hex, message } from "../../testbed/speaker/octets.ts";
import { goldens, notification } from "../support/wire/messages.ts";

/** Cuts `chunks` and returns "type body" for each message; the copies outlive the chunk. */
function cut(chunks: readonly Uint8Array[], maxLength?: number): string[] {
  const found: string[] = [];
  const framer = new Framer((type, bytes, start, end) => found.push(`${type} ${hex(bytes.subarray(start, end))}`));
  if (maxLength !== undefined) framer.setMaxLength(maxLength);
  for (const chunk of chunks) framer.push(chunk);
  return found;
}

const stream = Buffer.concat([...goldens.slice(0, 11).map(({ bytes }) => bytes), encodeKeepalive()]);
const whole = cut([stream]);

t.test("messages are cut out of the stream in order, in place and without a copy", async (t) => {
  t.equal(whole.length, 12);
  const framer = new Framer((_type, bytes) => t.equal(bytes, stream));
  framer.push(stream);
  t.equal(framer.pending, 0);
});

t.test("wherever TCP splits the stream, the same messages come out", async (t) => {
  for (let at = 0; at <= stream.length; at++) {
    const found = cut([stream.subarray(0, at), stream.subarray(at)]);
    if (String(found) !== String(whole)) t.fail(`split at ${at}`);
  }
  t.same(cut(Array.from(stream, (byte) => Uint8Array.of(byte))), whole, "octet by octet");
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 20 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), stream.length];
      const chunks = places.slice(1).map((to, i) => stream.subarray(places[i], to));
      return String(cut(chunks)) === String(whole);
    }),
    { seed: 4271 },
  );
});

t.test("an incomplete message is kept as a copy of its own size, not as a view of the chunk", async (t) => {
  const framer = new Framer(() => {});
  framer.push(stream.subarray(0, 19 + 30));
  t.equal(framer.pending, 49);
  framer.push(stream.subarray(49, stream.length - 1));
  t.equal(framer.pending, 18, "a KEEPALIVE without its last octet");
  framer.push(stream.subarray(stream.length - 1));
  t.equal(framer.pending, 0);
});

t.test("a marker that is not all ones: 1/1, without data (RFC 4271 §6.1)", async (t) => {
  for (let at = 0; at < 16; at++) {
    const bad = encodeKeepalive();
    bad[at] = 0xfe;
    t.equal(
      notification(() => cut([bad])),
      "1/1",
    );
    t.equal(
      notification(() => cut([bad.subarray(0, 10), bad.subarray(10)])),
      "1/1",
    );
  }
});

t.test("a wrong length: 1/2 with the length as data (RFC 4271 §6.1)", async (t) => {
  const bad = (type: number, length: number, maxLength?: number) => {
    const bytes = new Uint8Array(Math.max(length, 19)).fill(0xff, 0, 16);
    bytes[16] = length >>> 8;
    bytes[17] = length;
    bytes[18] = type;
    return notification(() => cut([bytes], maxLength));
  };
  for (const type of [1, 2, 3, 4, 5, 77]) {
    t.equal(bad(type, 18), "1/2 0012", `type ${type} shorter than its header`);
    t.equal(bad(type, 0), "1/2 0000");
    t.equal(bad(type, 4097), "1/2 1001", `type ${type} too long`);
  }
  t.equal(bad(MessageType.Open, 28), "1/2 001c");
  t.equal(bad(MessageType.Update, 22), "1/2 0016");
  t.equal(bad(MessageType.Notification, 20), "1/2 0014");
  t.equal(bad(MessageType.Keepalive, 20), "1/2 0014");
  t.equal(bad(MessageType.Update, 4096), "nothing was thrown");
  t.equal(bad(MessageType.RouteRefresh, 20), "nothing was thrown", "its decoder knows which error it is");
});

t.test("an unknown type: 1/3 with the type as data (RFC 4271 §6.1)", async (t) => {
  for (const type of [0, 6, 128, 255])
    t.equal(
      notification(() => cut([message(type, "00000000")])),
      `1/3 ${type.toString(16).padStart(2, "0")}`,
    );
});

t.test("extended messages are taken once agreed, except OPEN and KEEPALIVE (RFC 8654 §4)", async (t) => {
  const long = (type: number, length: number) => message(type, "00".repeat(length - HEADER_LENGTH));
  t.equal(cut([long(2, 65535)], 65535).length, 1);
  t.equal(cut([long(3, 5000)], 65535).length, 1);
  t.equal(
    notification(() => cut([long(1, 4097)], 65535)),
    "1/2 1001",
  );
  t.equal(
    notification(() => cut([long(4, 4097)], 65535)),
    "1/2 1001",
  );
  t.equal(
    notification(() => cut([long(2, 4097)])),
    "1/2 1001",
    "who didn't agree may not send them",
  );
});

t.test("the limit can change between two messages of one chunk, as an OPEN changes it", async (t) => {
  const found: number[] = [];
  const framer = new Framer((type, _bytes, start, end) => {
    found.push(end - start);
    if (type === MessageType.Open) framer.setMaxLength(65535);
  });
  const open = goldens.find(({ type }) => type === "OPEN")!.bytes;
  framer.push(Buffer.concat([open, message(2, "00".repeat(6000))]));
  t.same(found, [open.length - HEADER_LENGTH, 6000]);
});

t.test("a bad header stops the stream: nothing behind it is read, and neither is what comes later", async (t) => {
  const found: number[] = [];
  const framer = new Framer((type) => found.push(type));
  const bad = Buffer.concat([encodeKeepalive(), message(9, ""), encodeKeepalive()]);
  t.equal(
    notification(() => framer.push(bad)),
    "1/3 09",
  );
  framer.push(encodeKeepalive());
  t.same(found, [MessageType.Keepalive]);
});

t.test("a handler that stops the framer gets no further message of the chunk", async (t) => {
  let count = 0;
  const framer = new Framer(() => {
    count++;
    framer.stop();
  });
  framer.push(Buffer.concat([encodeKeepalive(), encodeKeepalive(), encodeKeepalive().subarray(0, 7)]));
  t.equal(count, 1);
  t.equal(framer.pending, 0);
});

t.test("a handler that throws stops the framer, and its error comes out", async (t) => {
  const framer = new Framer(() => {
    throw new Error("handler");
  });
  t.throws(() => framer.push(encodeKeepalive()), { message: "handler" });
  framer.push(encodeKeepalive());
  t.pass("nothing more is handed out");
});
