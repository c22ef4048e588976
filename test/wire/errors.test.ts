import { readFileSync } from "node:fs";
import t from "tap";
import { badValue } from "../../src/wire/attribute/fault.ts";
import {
  badMessageLength,
  CeaseError,
  cease,
  ceaseWithText,
  ErrorCode,
  errorName,
  FsmError,
  fsmError,
  HeaderError,
  hardReset,
  holdTimerExpired,
  knownErrors,
  maximumPrefixesReached,
  NotificationError,
  OpenError,
  RouteRefreshError,
  sendHoldTimerExpired,
  UNSPECIFIC,
  UpdateError,
} from "../../src/wire/errors.ts";
import { HEADER_LENGTH } from "../../src/wire/framer.ts";
import {
  decodeNotification,
  describeNotification,
  encodeNotification,
  shutdownText,
  unwrapHardReset,
} from "../../src/wire/message/notification.ts";
import { decodeRouteRefresh } from "../../src/wire/message/route-refresh.ts";
import { printable } from "../../src/wire/text.ts";
import { hex, message } from "../../testbed/speaker/octets.ts";
import { notification } from "../support/wire/messages.ts";

const sent = (error: Parameters<typeof encodeNotification>[0]): string => hex(encodeNotification(error).subarray(19));

t.test("every code and subcode has one line in docs/errors.md, and no line is of another", async (t) => {
  const page = readFileSync("docs/errors.md", "utf8");
  const rows = [...page.matchAll(/^\| (\d+)\/(\d+) \| (.+?) \|/gm)].map((row) => `${row[1]}/${row[2]} ${row[3]}`);
  t.same(
    rows,
    [...knownErrors()].map(({ code, subcode, name }) => `${code}/${subcode} ${name}`),
  );
});

t.test(
  "each subcode has the number of its RFC (4271 §4.5, 4486 §3, 5492 §5, 6608 §3, 7313 §5, 8538 §3, 9234 §4.2, 9384)",
  async (t) => {
    const words = (name: string) => name.replaceAll(/[^A-Za-z]/g, "").toLowerCase();
    for (const [code, group] of [
      [ErrorCode.MessageHeader, HeaderError],
      [ErrorCode.Open, OpenError],
      [ErrorCode.Update, UpdateError],
      [ErrorCode.Cease, CeaseError],
      [ErrorCode.RouteRefresh, RouteRefreshError],
    ] as const)
      for (const [name, subcode] of Object.entries(group)) {
        const known = words(errorName(code, subcode).split(" / ")[1]!);
        t.ok(
          known.replace("attribute", "").includes(words(name).replace("attribute", "").replace("maximum", "")),
          `${name} is ${known}`,
        );
      }
    t.same(FsmError, { OpenSent: 1, OpenConfirm: 2, Established: 3 });
  },
);

t.test(
  "a code with another code's subcode, the two in each other's place, or a bare number does not compile",
  async (t) => {
    const nothing = new Uint8Array(0);
    const right = [
      new NotificationError(ErrorCode.Cease, CeaseError.HardReset, nothing),
      new NotificationError(ErrorCode.Cease, UNSPECIFIC, nothing),
      new NotificationError(ErrorCode.HoldTimerExpired, UNSPECIFIC, nothing),
    ];
    const wrong = [
      // @ts-expect-error -- 2/2 is no Cease
      new NotificationError(ErrorCode.Cease, OpenError.BadPeerAs, nothing),
      // @ts-expect-error -- code 4 has no subcodes
      new NotificationError(ErrorCode.HoldTimerExpired, CeaseError.BfdDown, nothing),
      // @ts-expect-error -- the subcode comes second
      new NotificationError(UpdateError.AttributeFlags, ErrorCode.Update, nothing),
      // @ts-expect-error -- a number says nothing
      new NotificationError(ErrorCode.Update, 3, nothing),
      // @ts-expect-error -- what ends a session in Cease is named by Cease's subcodes
      cease(UpdateError.AttributeFlags),
      // @ts-expect-error -- attributes are faulty by the subcodes of UPDATE Message Error
      badValue(OpenError.BadPeerAs, "no AS"),
    ];
    t.equal(right.length + wrong.length, 9);
  },
);

t.test("errors have their RFC's names, and unknown ones their numbers", async (t) => {
  t.equal(errorName(6, 2), "Cease / Administrative Shutdown");
  t.equal(errorName(4, 0), "Hold Timer Expired");
  t.equal(errorName(3, 99), "UPDATE Message Error / unknown subcode 99");
  t.equal(errorName(99, 1), "Unknown error 99 / unknown subcode 1");
  t.equal(badMessageLength(5000, "UPDATE").message, "Message Header Error / Bad Message Length: UPDATE of 5000 octets");
});

t.test("a NOTIFICATION is code, subcode and data (RFC 4271 §4.5)", async (t) => {
  t.equal(sent(holdTimerExpired()), "0400");
  t.equal(sent(sendHoldTimerExpired()), "0800", "RFC 9687 §4");
  t.equal(sent(fsmError(FsmError.OpenConfirm, 2)), "050202", "RFC 6608 §4: the type of the message is the data");
  t.equal(sent(maximumPrefixesReached(2, 1, 1000)), "0601000201000003e8", "RFC 4486 §4: AFI, SAFI, limit");
  t.equal(sent(cease(CeaseError.ConnectionCollision)), "0607");
});

t.test(
  "the operator's text goes out as a length and UTF-8, cut to 255 octets at a character (RFC 9003 §2)",
  async (t) => {
    t.equal(sent(ceaseWithText(CeaseError.AdministrativeShutdown, "bye")), "060203627965");
    t.equal(sent(ceaseWithText(CeaseError.AdministrativeReset, "")), "0604");
    const long = ceaseWithText(CeaseError.AdministrativeShutdown, "ä".repeat(200));
    t.equal(long.data[0], 254);
    t.equal(long.data.length, 255);
    t.equal(shutdownText(long), "ä".repeat(127));
    const fits = ceaseWithText(CeaseError.AdministrativeShutdown, "a".repeat(255));
    t.equal(fits.data[0], 255);
  },
);

t.test("an odd text is no text, and never an error (RFC 9003 §3)", async (t) => {
  const of = (code: number, subcode: number, ...data: number[]) => ({ code, subcode, data: Uint8Array.from(data) });
  t.equal(shutdownText(of(6, 2)), null);
  t.equal(shutdownText(of(6, 2, 0)), null);
  t.equal(shutdownText(of(6, 2, 5, 65, 66)), null, "shorter than it says");
  t.equal(shutdownText(of(6, 3, 1, 65)), null, "of another subcode");
  t.equal(shutdownText(of(3, 2, 1, 65)), null, "of another code");
  t.equal(shutdownText(of(6, 2, 2, 0xff, 0xfe)), "\ufffd\ufffd", "not UTF-8");
  t.equal(shutdownText(of(6, 9, 6, 9, 6, 2, 1, 65)), null, "a Hard Reset in a Hard Reset");
  t.equal(shutdownText(of(6, 9, 6)), null, "a Hard Reset without a subcode");
});

t.test("a Hard Reset wraps the true reason (RFC 8538 §3.1)", async (t) => {
  const error = hardReset(ceaseWithText(CeaseError.PeerDeconfigured, "gone"));
  t.equal(sent(error), "0609060304676f6e65");
  const found = decodeNotification(encodeNotification(error), HEADER_LENGTH, 19 + 9);
  t.match(unwrapHardReset(found), { code: 6, subcode: 3 });
  t.equal(describeNotification(found), "Cease / Hard Reset (Cease / Peer De-configured)");
});

t.test("data is cut to what one message holds, 4096 octets in all", async (t) => {
  const bytes = encodeNotification({ code: 3, subcode: 5, data: new Uint8Array(70000) });
  t.equal(bytes.length, 4096);
  t.equal((bytes[16]! << 8) | bytes[17]!, 4096);
});

t.test("decoding copies the data: a view would keep a socket's chunk alive", async (t) => {
  const bytes = message(3, "0302 0102");
  const found = decodeNotification(bytes, HEADER_LENGTH, bytes.length);
  t.not(found.data.buffer, bytes.buffer);
  t.match(decodeNotification(bytes, HEADER_LENGTH, HEADER_LENGTH + 1), { code: 3, subcode: 0 }, "too short, no crash");
});

t.test("text of a peer is shown with everything unprintable escaped", async (t) => {
  t.equal(printable("plain – ünïcödé"), '"plain – ünïcödé"');
  t.equal(printable('a"b\\c\n\u0007'), '"a\\"b\\\\c\\n\\u0007"');
  t.equal(printable("\u202eevil\u2028\u009b"), '"\\u{202e}evil\\u{2028}\\u{9b}"');
  t.equal(printable("\ud800"), '"\\ud800"');
});

t.test("a BoRR or EoRR of the wrong length: 7/1 with the whole message (RFC 7313 §5)", async (t) => {
  const decode = (body: string, enhanced = true) => {
    const bytes = message(5, body);
    return decodeRouteRefresh(bytes, HEADER_LENGTH, bytes.length, enhanced);
  };
  for (const body of ["000101", "0001010100", "000102", "00010201ff"])
    t.equal(
      notification(() => decode(body)),
      `7/1 ${hex(message(5, body))}`,
    );
  t.equal(
    notification(() => decode("0001")),
    "1/2 0015",
    "nobody knows what it wanted to be",
  );
  t.equal(
    notification(() => decode("000101", false)),
    "1/2 0016",
    "without RFC 7313 there are no such kinds",
  );
  t.same(decode("00010001"), { family: 0, kind: 0 });
  t.same(decode("00020201"), { family: 1, kind: 2 });
  t.same(decode("0001000180000000"), { family: 0, kind: 0 }, "filters behind it (RFC 5291) were not agreed");
  t.same(decode("00010501"), { family: 0, kind: 5 }, "an unknown kind is the caller's to ignore");
  t.same(decode("00010101", false), { family: 0, kind: 0 }, "the octet is reserved in RFC 2918");
  t.same(decode("00190046"), { family: undefined, kind: 0 }, "a family that nobody speaks here");
});
