import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import t, { type Test } from "tap";
import { formatPrefix } from "../../src/lib/address.ts";
import { Family } from "../../src/lib/family.ts";
import { decodeOpen } from "../../src/wire/message/open.ts";
import { MessageCutter } from "../../testbed/speaker/framing.ts";
import { HeardRoutes } from "../../testbed/speaker/heard-routes.ts";
import { openOf } from "../../testbed/speaker/introduction.ts";
import { announcements, NumberedTable, withdrawals } from "../../testbed/speaker/numbered-speaker.ts";
import { attribute, bytes, hex, keepalive, nlri4, notification, update } from "../../testbed/speaker/octets.ts";
import { ScriptedSpeaker } from "../../testbed/speaker/scripted-speaker.ts";
import { walkUpdate } from "../../testbed/speaker/update.ts";
import { goldenContexts, goldens, goodSet, prefixes, scan } from "../support/wire/messages.ts";

/** "20.0.1.0/24" as it is; "20010db80001/48" as an address. */
function inWords(prefix: string): string {
  if (prefix.includes(".")) return prefix;
  const [octets, length] = prefix.split("/") as [string, string];
  const padded = Buffer.from(octets.padEnd(32, "0"), "hex");
  const words = [0, 4, 8, 12].map((at) => padded.readUInt32BE(at));
  return formatPrefix({ words, length: Number(length) });
}

t.test("the scripted speaker hears from real messages what our own decoder finds in them", async (t) => {
  for (const { madeBy, peer, type, bytes } of goldens) {
    if (type !== "UPDATE" || peer === "paths") continue;
    const withdrawn: string[] = [];
    const heard = new HeardRoutes();
    const body = Buffer.from(bytes);
    walkUpdate(body, 19, body.length, {
      withdraw: (octets, at, family) => {
        // Only what is there can be withdrawn from it, so it is put there first.
        heard.announce(octets, at, family);
        withdrawn.push(...[...heard.routes.keys()].map(inWords));
        heard.withdraw(octets, at, family);
      },
      attributes: (octets, start, end) => heard.attributes(octets, start, end),
      announce: (octets, at, family) => heard.announce(octets, at, family),
    });
    const layout = scan(bytes, goldenContexts[peer]);
    const four = (start: number, end: number) => prefixes(Family.Ipv4Unicast, bytes, start, end);
    const six = (start: number, end: number) => prefixes(Family.Ipv6Unicast, bytes, start, end);
    t.same(
      [...heard.routes.keys()].map(inWords),
      [...six(layout.reachNlriStart, layout.reachNlriEnd), ...four(layout.nlriStart, layout.nlriEnd)],
      `${madeBy} to ${peer}`,
    );
    t.same(withdrawn, [
      ...four(layout.withdrawnStart, layout.withdrawnEnd),
      ...six(layout.unreachNlriStart, layout.unreachNlriEnd),
    ]);
  }
});

t.test("what it says of itself in an OPEN is what our decoder reads", async (t) => {
  const body = openOf({
    as: 4_200_000_001,
    routerId: "10.0.0.9",
    hold: 9,
    extended: true,
    enhancedRefresh: true,
    gracefulRestart: { seconds: 60, restarted: true },
  });
  const family = { safi: 1, forwarding: true };
  const { capabilities, ...fields } = decodeOpen(body, 19, body.length);
  t.same(fields, { as: 4_200_000_001, myAs: 23_456, holdTimeSeconds: 9, routerId: 0x0a000009 });
  t.match(capabilities, [
    { kind: "multiprotocol", afi: 1 },
    { kind: "multiprotocol", afi: 2 },
    { kind: "route-refresh" },
    { kind: "extended-message" },
    { kind: "four-octet-as", as: 4_200_000_001 },
    { kind: "enhanced-route-refresh" },
    {
      kind: "graceful-restart",
      restarted: true,
      restartTimeSeconds: 60,
      families: [
        { afi: 1, ...family },
        { afi: 2, ...family },
      ],
    },
  ]);
  const bare = openOf({ as: 65_010, routerId: "10.0.0.3", capabilities: [] });
  t.equal(bare.length, 29, "without capabilities there is no optional parameter at all");
});

t.test("messages are cut out of a stream however it arrives", async (t) => {
  const stream = Buffer.concat([keepalive, update(), notification(6, 4, "0102"), keepalive.subarray(0, 5)]);
  for (const size of [1, 7, 19, 1000]) {
    const types: number[] = [];
    const cutter = new MessageCutter((type, octets, start, end) => {
      types.push(type);
      if (type === 3) t.equal(hex(octets.subarray(start, end)), "06040102");
    });
    for (let at = 0; at < stream.length; at += size) cutter.push(stream.subarray(at, at + size));
    t.same(types, [4, 2, 3], `${size} at a time`);
  }
});

t.test("numbered routes come and go as they were told, and each is a /24 of its own", async (t) => {
  const table = new NumberedTable(1_000);
  const cutter = new MessageCutter((_type, octets, start, end) => walkUpdate(octets, start, end, table));
  const told = { first: 0, count: 1_000, together: 7, version: 41, ballast: 300 };
  for (const chunk of announcements(told, Buffer.from([10, 0, 0, 9]))) cutter.push(chunk);
  t.ok(table.table.every((version) => version === 42));
  for (const chunk of withdrawals(0, 999)) cutter.push(chunk);
  t.same(
    [table.announced, table.withdrawn, table.table.lastIndexOf(42), table.table.indexOf(42)],
    [1_000, 999, 999, 999],
  );
  const [chunk] = announcements({ ...told, first: 257, count: 2 }, Buffer.from([10, 0, 0, 9]));
  const layout = scan(chunk!);
  t.same(prefixes(Family.Ipv4Unicast, chunk!, layout.nlriStart, layout.nlriEnd), ["20.1.1.0/24", "20.1.2.0/24"]);
});

/** Listens on loopback; `say` is called with all that has come so far, each time that something came. */
async function listener(t: Test, say: (socket: Socket, heard: string) => void) {
  const server = createServer((socket) => {
    let heard = "";
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      heard += hex(chunk);
      say(socket, heard);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  return { from: "127.0.0.2", to: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

const theirOpen = openOf({ as: 65001, routerId: "10.0.0.1" });
const route = update({ attributes: goodSet, nlri: nlri4("20.0.1.0/24") });

t.test("it shakes hands, hears routes and remembers how it ended", async (t) => {
  const who = { as: 65001, routerId: "10.0.0.9" };
  let answered = "";
  const to = await listener(t, (socket, heard) => {
    const due = answered === "" ? hex(openOf(who)) : hex(openOf(who)) + hex(keepalive);
    if (heard !== due) return;
    if (answered === "") socket.write(Buffer.concat([theirOpen, keepalive]));
    else socket.end(Buffer.concat([route, update(), notification(6, 2, "aa")]));
    answered = heard;
  });
  const ended = new Promise<void>((resolve) => {
    const speaker = new ScriptedSpeaker({
      ...to,
      onClosed: () => {
        t.match(speaker.notification, { code: 6, subcode: 2, data: "aa" });
        t.equal(speaker.lastWord, "6/2");
        t.same([speaker.over, speaker.closed, speaker.established], [true, true, false]);
        t.same([...speaker.routes.keys()], ["20.0.1.0/24"]);
        t.same(speaker.routes.get("20.0.1.0/24")!.get(5), { flags: 0x40, value: "00000064" });
        t.same([speaker.updatesReceived, speaker.announced, speaker.endsOfRib], [2, 1, 1]);
        t.same(speaker.capabilities.get(65), "0000fde9");
        resolve();
      },
    });
    void speaker.establish(who).then((up) => t.ok(up, "both OPENs and both KEEPALIVEs have passed"));
  });
  await ended;
});

t.test("without an introduction it says nothing but what the script says", async (t) => {
  const said = attribute(0x40, 1, "09");
  const script = update({ attributes: said, nlri: "" });
  let all = "";
  const to = await listener(t, (socket, heard) => {
    all = heard;
    if (heard.length === 2 * script.length) socket.end(Buffer.concat([theirOpen, keepalive]));
  });
  const speaker = new ScriptedSpeaker({ ...to, watch: "00" });
  speaker.send(script);
  await once(speaker.socket, "close");
  t.equal(all, hex(script));
  t.same([speaker.established, speaker.keepalivesReceived, speaker.open?.length], [false, 1, theirOpen.length - 19]);
  t.same(bytes(all), script);
});
