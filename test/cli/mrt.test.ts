import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import t from "tap";
import { printMrt } from "../../src/cli/mrt.ts";
import { runCli } from "../../src/cli/program.ts";
import { attribute, bytes, ipv4, sequence, u16, u32, update } from "../../testbed/speaker/octets.ts";

/** `peerage mrt` in folders and files of this test: what it prints, and its exit code. */

const folder = mkdtempSync(join(tmpdir(), "peerage-mrt-"));
t.teardown(() => rmSync(folder, { recursive: true }));

const record = (type: number, subtype: number, body: string): string => {
  const text = body.replace(/\s+/g, "");
  return u32(1_300_475_700) + u16(type) + u16(subtype) + u32(text.length / 2) + text;
};
const session = `${u32(64500)} ${u32(65001)} 0000 0001 ${ipv4("192.0.2.1")} ${ipv4("192.0.2.2")}`;
const state = record(16, 5, `${session} 0005 0006`);
const announced = update({
  attributes: [
    attribute(0x40, 1, "00"),
    attribute(0x40, 2, sequence([64500, 4_200_000_001])),
    attribute(0x40, 3, ipv4("192.0.2.1")),
    attribute(0x80, 4, u32(7)),
    attribute(0xc0, 8, `${u16(64500)}${u16(20)}`),
  ],
  withdrawn: "180a0000",
  nlri: "18c63364",
});
const message = record(16, 4, `${session} ${Buffer.from(announced).toString("hex")}`);
const lines = `BGP4MP|1300475700|STATE|192.0.2.1|64500|5|6
BGP4MP|1300475700|W|192.0.2.1|64500|10.0.0.0/24
BGP4MP|1300475700|A|192.0.2.1|64500|198.51.100.0/24|64500 4200000001|IGP|192.0.2.1|0|7|64500:20|NAG||
`;

async function mrt(file: string | Uint8Array, ...options: string[]) {
  let path = String(file);
  if (typeof file !== "string") {
    path = join(folder, "file");
    writeFileSync(path, file);
  }
  const outcome = { code: -1, out: "", err: "" };
  const io = {
    out: async (text: string | Buffer) => {
      outcome.out += text;
    },
    err: (text: string) => {
      outcome.err += text;
    },
    environment: () => undefined,
  };
  const commands = { run: async () => 0, lab: async () => 0, version: "0" };
  outcome.code = await runCli(["mrt", path, ...options], commands, io);
  outcome.err = outcome.err.replaceAll(path, "FILE");
  return outcome;
}

t.test("records are printed as `bgpdump -m` prints them, packed by gzip or not", async (t) => {
  const file = bytes(state + message);
  t.same(await mrt(file), { code: 0, out: lines, err: "" });
  t.same(await mrt(gzipSync(file)), { code: 0, out: lines, err: "" });
  t.same(await mrt(new Uint8Array(0)), { code: 0, out: "", err: "" });
});

t.test("--json is one object a line, with the fields of `route`", async (t) => {
  const { code, out } = await mrt(bytes(state + message), "--json");
  t.equal(code, 0);
  const [first, second] = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  t.match(first, {
    at: "2011-03-18T19:15:00Z",
    type: "session",
    address: "192.0.2.1",
    from: "OpenConfirm",
    to: "Established",
  });
  t.match(second, {
    type: "update",
    from: "192.0.2.1",
    withdrawn: [{ prefix: "10.0.0.0/24", pathId: null }],
    routes: [
      {
        prefix: "198.51.100.0/24",
        paths: [
          { nextHop: "192.0.2.1", asPath: [64500, 4_200_000_001], origin: "igp", med: 7, communities: ["64500:20"] },
        ],
      },
    ],
  });
});

t.test(
  "what can't be read is told with its octet and left out; the exit code tells that there was something",
  async (t) => {
    const bad = record(16, 5, `${u32(64500)} 00`);
    const { code, out, err } = await mrt(bytes(state + bad + message));
    t.equal(code, 1);
    t.equal(out, lines);
    t.match(
      err,
      /^FILE: octet 36: the record ends too early: wanted 4 more octets, found 1; the record is left out\n$/,
    );
    const many = await mrt(bytes(bad.repeat(50) + message));
    t.equal(many.err.split("\n").length, 22, "twenty sentences, and how many more");
    t.match(many.err, "30 more records are left out");
    t.match(many.out, "198.51.100.0/24", "what is behind them is printed");
  },
);

t.test("a file that ends too early, or is none, ends with one sentence", async (t) => {
  const file = bytes(state + message);
  const cut = await mrt(file.subarray(0, -3));
  t.equal(cut.code, 1);
  t.equal(cut.out, lines.slice(0, lines.indexOf("\n") + 1), "what is whole is printed");
  t.match(cut.err, /^peerage: FILE: octet 36: the file ends inside a record: wanted \d+ octets, found \d+\n$/);
  const packed = gzipSync(file);
  t.match(await mrt(packed.subarray(0, -9)), { code: 1, err: /FILE: ends inside its gzip stream/ });
  const damaged = Uint8Array.from(packed).fill(0xee, 12, 40);
  t.match(await mrt(damaged), { code: 1, err: /FILE: its gzip stream is damaged/ });
  t.match(await mrt(Buffer.from("BZh91AY&SY...")), { code: 1, err: /packed by bzip2: `bzcat FILE \| peerage mrt -`/ });
  t.match(await mrt(Buffer.from("router: {as: 65001}\n".repeat(3))), {
    code: 1,
    err: /octet 0: no MRT record begins here/,
  });
  t.match(await mrt(join(folder, "none")), { code: 1, out: "", err: /there is no such file/ });
  t.match(await mrt(folder), { code: 1, out: "", err: /is a folder, not a file/ });
  t.match(await mrt(join(folder, "none"), "--json"), { code: 1, err: /^\{"error":\{"message":".*no such file/ });
});

t.test("other protocols are counted and named once", async (t) => {
  const { code, out, err } = await mrt(bytes(record(11, 0, "00").repeat(3) + state));
  t.equal(code, 0);
  t.equal(out, lines.slice(0, lines.indexOf("\n") + 1));
  t.equal(err, "FILE: not shown: OSPFv2, subtype 0 (3 records)\n");
});

t.test("`-` is stdin, in chunks of any size; output waits for who reads it", async (t) => {
  const packed = gzipSync(bytes(state + message.repeat(20_000)));
  let written = 0;
  let most = 0;
  const io = {
    out: async (text: string | Buffer) => {
      most = Math.max(most, text.length);
      written += text.length;
      await new Promise((resolve) => setImmediate(resolve));
    },
    err: () => {},
    environment: () => undefined,
  };
  async function* stdin() {
    for (let at = 0; at < packed.length; at += 1) yield packed.subarray(at, at + 1);
  }
  t.equal(await printMrt("-", {}, io, stdin()), 0);
  const [, , one] = lines.split("\n");
  t.ok(written > 20_000 * one!.length);
  t.ok(most < 400_000, `never more than a piece at once, found ${most}`);
});
