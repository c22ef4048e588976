import fc from "fast-check";
import t, { type Test } from "tap";
import {
  FrameReader,
  MAX_FRAME_BYTES,
  PROTOCOL_VERSION,
  ProtocolError,
  type WriterAnswers,
  type WriterRequests,
} from "../../src/fib-writer/protocol.ts";
import { decodeAnswer, decodeRequest } from "../../src/fib-writer/protocol-decode.ts";
import { AnswerWriter, RequestWriter } from "../../src/fib-writer/protocol-encode.ts";
import { type FibHop, Operation } from "../../src/kernel/records.ts";
import { maskWord } from "../../src/lib/address.ts";
import { Family } from "../../src/lib/family.ts";

/** Writes down every call, so that what came out can be compared with what went in. */
function recorder<T extends object>(): { calls: unknown[][]; to: T } {
  const calls: unknown[][] = [];
  const to = new Proxy({} as T, {
    get:
      (_, name) =>
      (...values: unknown[]) => {
        calls.push([name, ...values]);
      },
  });
  return { calls, to };
}

const read = (bytes: Uint8Array) => {
  const { calls, to } = recorder<WriterRequests>();
  new FrameReader((frame) => decodeRequest(frame, to)).push(bytes);
  return calls;
};

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const words = fc.oneof(
  u32.map((w) => [w]),
  fc.tuple(u32, u32, u32, u32).map((w) => [...w]),
);
const hop: fc.Arbitrary<FibHop> = fc.record({
  via: fc.option(words),
  ifindex: fc.integer({ min: 0, max: 0x7fffffff }),
  onlink: fc.boolean(),
  weight: fc.integer({ min: 1, max: 256 }),
});
const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
const ifindex = fc.integer({ min: 1, max: 0x7fffffff });
const id = fc.integer({ min: 1, max: 0xffff });

/** A request as (what to write, what must be read). */
type Request = { write(out: RequestWriter): void; calls: readonly (readonly unknown[])[] };

const requests: fc.Arbitrary<Request> = fc.oneof(
  fc
    .record({ table: fc.integer({ min: 1, max: 0xffffffff }), protocol: fc.integer({ min: 5, max: 255 }), metric: u32 })
    .map((scope) => ({ write: (out: RequestWriter) => out.hello(scope), calls: [["hello", PROTOCOL_VERSION, scope]] })),
  fc.tuple(id, fc.array(hop, { minLength: 1, maxLength: 5 })).map(([number, nextHops]) => {
    const target = { type: "unicast" as const, nextHops };
    return { write: (out: RequestWriter) => out.target(number, target), calls: [["target", number, target]] };
  }),
  id.map((number) => {
    const target = { type: "object" as const, nexthopId: number };
    return { write: (out: RequestWriter) => out.target(number, target), calls: [["target", number, target]] };
  }),
  id.map((number) => ({ write: (out: RequestWriter) => out.forgetTarget(number), calls: [["forgetTarget", number]] })),
  fc
    .tuple(
      u32,
      fc.constantFrom(Family.Ipv4Unicast, Family.Ipv6Unicast),
      fc.array(fc.tuple(fc.constantFrom(1, 2, 3), u32, u32, u32, u32, fc.integer({ min: 0, max: 128 }), id), {
        minLength: 1,
        maxLength: 20,
      }),
    )
    .map(([first, family, routes]) => {
      const made = routes.map(([operation, w0, w1, w2, w3, anyLength, target]) => {
        const bits = family === Family.Ipv4Unicast ? 32 : 128;
        const length = Math.min(anyLength, bits);
        const w = [w0, w1, w2, w3].map((word, i) => (i * 32 < bits ? (word & maskWord(length - 32 * i)) >>> 0 : 0));
        return [operation, ...w, length, operation === Operation.Delete && target % 2 === 0 ? 0 : target] as const;
      });
      return {
        write: (out: RequestWriter) => {
          out.beginRoutes(first, family);
          for (const [operation, w0, w1, w2, w3, length, target] of made)
            out.route(operation as Operation, w0!, w1!, w2!, w3!, length!, target!);
          out.endRoutes();
        },
        calls: [
          ...made.map((route, i) => ["route", (first + i) >>> 0, family, ...route]),
          ["routesEnd"],
        ] as unknown[][],
      };
    }),
  fc
    .tuple(
      u32,
      id,
      hop.filter((h) => h.via !== null),
    )
    .map(([sequence, number, gateway]) => {
      const object = { kind: "gateway" as const, hop: gateway };
      return {
        write: (out: RequestWriter) => out.nexthop(sequence, Operation.Create, number, object),
        calls: [["nexthop", sequence, 1, number, object]],
      };
    }),
  fc
    .tuple(
      u32,
      id,
      fc.array(fc.record({ id, weight: fc.integer({ min: 1, max: 256 }) }), { minLength: 1, maxLength: 9 }),
    )
    .map(([sequence, number, members]) => {
      const object = { kind: "group" as const, members };
      return {
        write: (out: RequestWriter) => out.nexthop(sequence, Operation.Replace, number, object),
        calls: [["nexthop", sequence, 2, number, object]],
      };
    }),
  fc.tuple(u32, id).map(([sequence, number]) => ({
    write: (out: RequestWriter) => out.nexthop(sequence, Operation.Delete, number, null),
    calls: [["nexthop", sequence, 3, number, null]],
  })),
  fc
    .tuple(
      u32,
      fc.integer({ min: 1, max: 0xffffff }),
      fc.integer({ min: 1, max: 65535 }),
      words,
      mac,
      fc.integer({ min: 0, max: 65535 }),
      fc.stringMatching(/^[a-z0-9._-]{1,15}$/).filter((n) => !/^\.\.?$/.test(n)),
    )
    .map(([sequence, vni, port, local, hardwareAddress, mtu, name]) => {
      const device = { ifindex: vni % 5, name, vni, port, local, hardwareAddress, mtu };
      return { write: (out: RequestWriter) => out.vxlan(sequence, device), calls: [["vxlan", sequence, device]] };
    }),
  fc
    .tuple(u32, ifindex, fc.option(words), fc.option(mac), fc.string({ maxLength: 60 }))
    .map(([sequence, index, local, hardwareAddress, alias]) => {
      const change = { ifindex: index, local, hardwareAddress, alias };
      return {
        write: (out: RequestWriter) => out.vxlanChange(sequence, change),
        calls: [["vxlanChange", sequence, change]],
      };
    }),
  fc.tuple(u32, ifindex, fc.integer({ min: 0, max: 65535 }), fc.boolean()).map(([sequence, index, mtu, remove]) => ({
    write: (out: RequestWriter) => out.linkSetting(sequence, index, mtu, remove),
    calls: [["linkSetting", sequence, index, mtu, remove]],
  })),
  fc
    .tuple(u32, fc.constantFrom(1, 2, 3), ifindex, words, mac)
    .map(([sequence, operation, index, address, hardwareAddress]) => {
      const remote = { ifindex: index, address, hardwareAddress };
      return {
        write: (out: RequestWriter) => out.neighbour(sequence, operation as Operation, remote),
        calls: [["neighbour", sequence, operation, remote]],
      };
    }),
  fc.constant({ write: (out: RequestWriter) => out.askStats(), calls: [["askStats"]] }),
);

/** Buffers and typed arrays look alike once copied into plain arrays. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, v) => (v instanceof Uint8Array ? [...v] : v)));

t.test("whatever is written is read back, in order, in whatever pieces the stream comes", async (t) => {
  fc.assert(
    fc.property(fc.array(requests, { maxLength: 10 }), fc.array(fc.integer({ min: 1, max: 97 })), (list, cuts) => {
      const out = new RequestWriter();
      for (const each of list) each.write(out);
      const bytes = out.view().slice();
      const { calls, to } = recorder<WriterRequests>();
      const frames = new FrameReader((frame) => decodeRequest(frame, to));
      let at = 0;
      for (const cut of cuts) {
        frames.push(bytes.subarray(at, at + cut));
        at += cut;
      }
      frames.push(bytes.subarray(at));
      t.same(plain(calls), plain(list.flatMap((each) => each.calls)));
    }),
    { numRuns: 300, seed: 1 },
  );
});

t.test("answers are read back as they were written", async (t) => {
  const out = new AnswerWriter();
  out.welcome(1, 4294967295, 77);
  out.failed(7, 101, "Nexthop has invalid gateway");
  out.done(9);
  out.refused(1, "no");
  out.stats({ userCpuMicros: 2 ** 40 + 5, systemCpuMicros: 1, records: 2, sends: 3 });
  out.failed(8, 22, "ä".repeat(300));
  const { calls, to } = recorder<WriterAnswers>();
  new FrameReader((frame) => decodeAnswer(frame, to)).push(out.view());
  t.same(calls.slice(0, 5), [
    ["welcome", 1, 4294967295, 77],
    ["failed", 7, 101, "Nexthop has invalid gateway"],
    ["done", 9],
    ["refused", 1, "no"],
    ["stats", { userCpuMicros: 2 ** 40 + 5, systemCpuMicros: 1, records: 2, sends: 3 }],
  ]);
  t.match(calls[5]![3], /^ä{128}/, "text is bounded");
});

/** A frame made by hand. */
const frame = (...bytes: number[]) => new Uint8Array([0, 0, bytes.length >>> 8, bytes.length & 255, ...bytes]);
const refuses = (t: Test, name: string, pattern: RegExp, bytes: Uint8Array) => {
  let error: unknown = null;
  try {
    read(bytes);
  } catch (thrown) {
    error = thrown;
  }
  t.ok(error instanceof ProtocolError, `${name} is refused`);
  t.match((error as Error).message, pattern, name);
};

t.test("the writer checks every field and acts on nothing of a frame that is wrong anywhere", async (t) => {
  refuses(t, "table 0", /table is 0/, frame(1, 0, 1, 0, 0, 0, 0, 186, 0, 0, 0, 32));
  refuses(t, "the kernel's own protocol", /protocol is 2/, frame(1, 0, 1, 0, 0, 0, 254, 2, 0, 0, 0, 32));
  refuses(t, "an unknown type", /unknown request 99/, frame(99));
  refuses(t, "octets too many", /1 octets too many/, frame(9, 0));
  refuses(t, "a frame that ends early", /ends too early/, frame(4, 0, 0));
  refuses(t, "a blackhole with hops", /blackhole/, frame(2, 0, 0, 0, 1, 2, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1));
  refuses(t, "unicast without hops", /without next hops/, frame(2, 0, 0, 0, 1, 1, 0, 0));
  refuses(t, "an address of three words", /3 words/, frame(2, 0, 0, 0, 1, 1, 0, 1, 0, 3, 0, 1, 0, 0, 0, 1));
  refuses(t, "weight 0", /weight is 0/, frame(2, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1));
  refuses(
    t,
    "a nexthop object without a gateway",
    /without a gateway/,
    frame(5, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1),
  );
  refuses(t, "a delete that gives an object", /exactly when/, frame(5, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0));
  const name = [...Buffer.from("a/b")];
  refuses(
    t,
    "a device name with a slash",
    /no interface name/,
    frame(6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 18, 181, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 1, 10, 0, 0, 1, 0, 3, ...name),
  );
  const good = [1, 24, 0, 0, 0, 1, 10, 1, 2, 0];
  const routes = (...records: number[]) => frame(4, 0, 0, 0, 1, 0, 0, records.length / 10, ...records);
  t.equal(read(routes(...good)).length, 2);
  refuses(t, "host bits", /behind its length/, routes(...good, 1, 24, 0, 0, 0, 1, 10, 1, 2, 3));
  refuses(t, "a length over 32", /prefix length is 33/, routes(...good, 1, 33, 0, 0, 0, 1, 10, 1, 2, 0));
  refuses(t, "an unknown operation", /operation is 4/, routes(...good, 4, 24, 0, 0, 0, 1, 10, 1, 2, 0));
  refuses(t, "a create without a target", /target is 0/, routes(...good, 1, 24, 0, 0, 0, 0, 10, 1, 2, 0));
  refuses(t, "a count beyond the frame", /ends too early/, frame(4, 0, 0, 0, 1, 0, 0, 2, ...good));
  refuses(t, "a huge frame", /65537 octets/, new Uint8Array([0, 1, 0, 1, 0]));
  refuses(t, "an empty frame", /0 octets/, new Uint8Array([0, 0, 0, 0]));
  const { calls, to } = recorder<WriterRequests>();
  t.throws(() => new FrameReader((f) => decodeRequest(f, to)).push(routes(...good, 1, 33, 0, 0, 0, 1, 10, 1, 2, 0)));
  t.same(calls, [], "not even the good record before the bad one");
});

t.test("any octets at all give records or one ProtocolError, never anything else, on both sides", async () => {
  const survives = (bytes: Uint8Array) => {
    for (const decode of [decodeRequest, decodeAnswer] as const) {
      const { to } = recorder<WriterRequests & WriterAnswers>();
      try {
        new FrameReader((f) => decode(f, to)).push(bytes);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
      }
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives), { numRuns: 2000, seed: 2 });
  // and what is almost right: good frames with some octets changed, and any type before any body
  fc.assert(
    fc.property(
      fc.array(requests, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      (list, changes) => {
        const out = new RequestWriter();
        for (const each of list) each.write(out);
        const bytes = out.view().slice();
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        survives(bytes);
      },
    ),
    { numRuns: 2000, seed: 4 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 80 }), fc.uint8Array({ maxLength: 80 }), (type, body) =>
      survives(frame(type, ...body)),
    ),
    { numRuns: 2000, seed: 5 },
  );
});

t.test("a frame of the most routes fits the frame bound", async (t) => {
  const out = new RequestWriter();
  out.beginRoutes(1, Family.Ipv6Unicast);
  for (let i = 0; i < 2048; i++) out.route(Operation.Create, 0x20010db8, i, 0, 0, 64, 1);
  out.endRoutes();
  t.ok(out.length < MAX_FRAME_BYTES);
  t.equal(read(out.view()).length, 2049);
});
