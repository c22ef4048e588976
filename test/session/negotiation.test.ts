import t from "tap";
import { describeCapabilities } from "../../src/session/capability-view.ts";
import { checkOpen, negotiate, offered } from "../../src/session/negotiation.ts";
import { Role } from "../../src/wire/capability/role.ts";
import type { Capability } from "../../src/wire/capability/types.ts";
import type { NotificationError } from "../../src/wire/errors.ts";
import { HEADER_LENGTH } from "../../src/wire/framer.ts";
import { decodeOpen, encodeOpen, type OpenMessage } from "../../src/wire/message/open.ts";
import { profileOf, type Wanted } from "./harness.ts";

const ends = { localAddress: "192.0.2.1", remoteAddress: "192.0.2.2" };
const ipv4: Capability = { kind: "multiprotocol", afi: 1, safi: 1, family: 0 };
const ipv6: Capability = { kind: "multiprotocol", afi: 2, safi: 1, family: 1 };

const openWith = (capabilities: readonly Capability[] = [], more: Partial<OpenMessage> = {}): OpenMessage => ({
  as: 65001,
  myAs: 65001,
  holdTimeSeconds: 90,
  routerId: 0x0a000009,
  capabilities,
  ...more,
});

const verdict = (wanted: Wanted, open: OpenMessage): string => {
  try {
    checkOpen(profileOf(wanted), open);
    return "good";
  } catch (error) {
    const { code, subcode, data } = error as NotificationError;
    return `${code}/${subcode}${data.length > 0 ? ` ${[...data]}` : ""}`;
  }
};

/** What comes of our profile and these capabilities of the peer. */
const agree = (wanted: Wanted, capabilities: readonly Capability[], more: Partial<OpenMessage> = {}) => {
  const profile = profileOf(wanted);
  return negotiate(profile, offered(profile, null), openWith(capabilities, more), ends);
};

t.test("nothing goes into an OPEN that the settings don't switch on", (t) => {
  const bare = profileOf({ offer: { fourOctetAs: false, routeRefresh: false } });
  t.same(offered(bare, null), [ipv4]);
  const kinds = (offer: Wanted["offer"]) =>
    offered(profileOf({ offer: { fourOctetAs: false, routeRefresh: false, ...offer } }), null)
      .map(({ kind }) => kind)
      .slice(1);
  t.same(kinds({ routeRefresh: true }), ["route-refresh"]);
  t.same(kinds({ enhancedRouteRefresh: true }), ["enhanced-route-refresh"]);
  t.same(kinds({ extendedMessages: true }), ["extended-message"]);
  t.same(kinds({ extendedNextHop: true }), ["extended-next-hop"]);
  t.same(kinds({ extendedNextHop: true, families: [1] }), [], "it is IPv4's");
  t.same(kinds({ fourOctetAs: true }), ["four-octet-as"]);
  t.same(kinds({ addPath: [{ send: true, receive: false }] }), ["add-path"]);
  t.same(kinds({ addPath: [{ send: false, receive: false }] }), []);
  t.same(kinds({ role: Role.Peer }), ["role"]);
  t.same(kinds({ hostName: { host: "a", domain: "b" } }), ["fqdn"]);
  t.same(kinds({ gracefulRestart: { restartTimeSeconds: 120, notification: true } }), ["graceful-restart"]);
  t.same(kinds({ longLivedStaleSeconds: 3600 }), [], "never without RFC 4724's (RFC 9494 §3.1)");
  t.same(kinds({ gracefulRestart: { restartTimeSeconds: 120, notification: true }, longLivedStaleSeconds: 3600 }), [
    "graceful-restart",
    "long-lived-graceful-restart",
  ]);
  t.end();
});

t.test("R and F bits are those of the moment (RFC 4724 §3)", (t) => {
  const profile = profileOf({
    offer: { families: [0, 1], gracefulRestart: { restartTimeSeconds: 9999, notification: true } },
  });
  const restart = { restarting: true, forwarding: (family: number) => family === 1 };
  const capability = offered(profile, restart).find(({ kind }) => kind === "graceful-restart");
  t.match(capability, {
    restarted: true,
    notification: true,
    restartTimeSeconds: 4095,
    families: [{ forwarding: false }, { forwarding: true }],
  });
  t.match(
    offered(profile, null).find(({ kind }) => kind === "graceful-restart"),
    { restarted: false },
  );
  t.end();
});

t.test("everything that we offer survives its own way over the wire", (t) => {
  const profile = profileOf({
    localAs: 4200000000,
    offer: {
      families: [0, 1],
      enhancedRouteRefresh: true,
      extendedMessages: true,
      extendedNextHop: true,
      addPath: [
        { send: true, receive: true },
        { send: false, receive: true },
      ],
      gracefulRestart: { restartTimeSeconds: 120, notification: true },
      longLivedStaleSeconds: 3600,
      longLivedRestarter: true,
      role: Role.Customer,
      hostName: { host: "rack-a", domain: "example.org" },
    },
  });
  const capabilities = offered(profile, null);
  const bytes = encodeOpen({ as: profile.localAs, holdTimeSeconds: 90, routerId: 1, capabilities });
  const open = decodeOpen(bytes, HEADER_LENGTH, bytes.length);
  t.same(open.capabilities, capabilities);
  t.equal(open.as, 4200000000);
  t.equal(open.myAs, 23456, "AS_TRANS stands in two octets (RFC 6793 §3)");
  t.end();
});

t.test("the AS must be the one that is configured: 2/2 (RFC 4271 §6.2)", (t) => {
  t.equal(verdict({ remoteAs: 65002 }, openWith([], { as: 65002 })), "good");
  t.equal(verdict({ remoteAs: 65002 }, openWith([], { as: 65003 })), "2/2");
  t.equal(verdict({ remoteAs: "internal" }, openWith([], { as: 65001 })), "good");
  t.equal(verdict({ remoteAs: "internal" }, openWith([], { as: 65002 })), "2/2");
  t.equal(verdict({ remoteAs: "external" }, openWith([], { as: 65002 })), "good");
  t.equal(verdict({ remoteAs: "external" }, openWith([], { as: 4200000000 })), "good");
  t.equal(verdict({ remoteAs: "external" }, openWith([], { as: 65001 })), "2/2");
  t.equal(verdict({ remoteAs: "external" }, openWith([], { as: 23456 })), "2/2", "AS_TRANS is nobody's own");
  t.end();
});

t.test("an internal peer with our identifier is refused with 2/3, an external one may have it (RFC 6286 §2.2)", (t) => {
  const routerId = 0x0a000001;
  t.equal(verdict({ routerId }, openWith([], { routerId })), "2/3");
  t.equal(verdict({ routerId, remoteAs: 65002 }, openWith([], { routerId, as: 65002 })), "good");
  t.end();
});

t.test("an unacceptable hold time is refused with 2/6 (RFC 4271 §6.2)", (t) => {
  const hold = (holdTimeSeconds: number, minHoldTimeSeconds: number) =>
    verdict({ minHoldTimeSeconds }, openWith([], { holdTimeSeconds }));
  t.same([hold(3, 3), hold(0, 3), hold(9, 10), hold(10, 10), hold(0, 10)], ["good", "good", "2/6", "good", "2/6"]);
  t.end();
});

t.test("roles must fit: 2/11 (RFC 9234 §4.2)", (t) => {
  const roles = Object.values(Role);
  const fits = roles.map((ours) =>
    roles
      .filter(
        (theirs) =>
          verdict(
            { remoteAs: 65002, offer: { role: ours } },
            openWith([{ kind: "role", role: theirs }], { as: 65002 }),
          ) === "good",
      )
      .join(),
  );
  //        provider          route server            its client         customer         peer
  t.same(fits, [
    `${Role.Customer}`,
    `${Role.RouteServerClient}`,
    `${Role.RouteServer}`,
    `${Role.Provider}`,
    `${Role.Peer}`,
  ]);
  const external = (wanted: Wanted["offer"], ...theirs: number[]) =>
    verdict(
      { remoteAs: 65002, offer: wanted! },
      openWith(
        theirs.map((role) => ({ kind: "role", role })),
        { as: 65002 },
      ),
    );
  t.equal(external({ role: Role.Peer }), "good", "the peer says nothing");
  t.equal(external({ role: Role.Peer, roleStrict: true }), "2/11");
  t.equal(external({ role: Role.Peer }, 4, 4), "good", "twice the same");
  t.equal(external({ role: Role.Peer }, 4, 3), "2/11", "two of them");
  t.equal(external({ role: Role.Peer }, 200), "2/11", "unknown");
  t.equal(external({ role: null }, 200), "good", "no role of ours, no question");
  t.equal(
    verdict({ offer: { role: Role.Peer } }, openWith([{ kind: "role", role: 0 }])),
    "good",
    "not for internal peers",
  );
  t.end();
});

t.test("no multiprotocol capability means IPv4 unicast (RFC 4760 §8)", (t) => {
  t.same(agree({ offer: { families: [0, 1] } }, []).families, [0]);
  t.same(agree({ offer: { families: [0, 1] } }, [ipv6]).families, [1], "one that is there counts alone");
  t.same(agree({ offer: { families: [0, 1] } }, [ipv6, ipv4, ipv4]).families, [0, 1]);
  t.same(agree({ offer: { families: [0, 1] } }, [ipv4, ipv6]).codec.families, [true, true]);
  t.end();
});

t.test("no family in common: 2/7 with the capabilities that we miss (RFC 5492 §5)", (t) => {
  try {
    agree({ offer: { families: [1] } }, [ipv4]);
    t.fail("must throw");
  } catch (error) {
    const { code, subcode, data, message } = error as NotificationError;
    t.same([code, subcode, ...data], [2, 7, 1, 4, 0, 2, 0, 1]);
    t.match(message, "ours are ipv6-unicast, the peer's ipv4-unicast");
  }
  t.end();
});

t.test("hold and keepalive times: the smaller hold time, a third of it at most (RFC 4271 §4.2, §4.4)", (t) => {
  const times = (ours: number, keepaliveSeconds: number, theirs: number) => {
    const agreed = agree({ holdTimeSeconds: ours, keepaliveSeconds }, [], { holdTimeSeconds: theirs });
    return [agreed.holdTimeSeconds, agreed.keepaliveSeconds];
  };
  t.same(times(90, 30, 180), [90, 30]);
  t.same(times(90, 30, 9), [9, 3]);
  t.same(times(90, 5, 90), [90, 5]);
  t.same(times(0, 30, 90), [0, 0]);
  t.same(times(90, 30, 0), [0, 0]);
  t.end();
});

t.test("each capability is in use only when both sides sent it", (t) => {
  const all: Wanted = {
    offer: {
      families: [0, 1],
      enhancedRouteRefresh: true,
      extendedMessages: true,
      extendedNextHop: true,
      addPath: [
        { send: true, receive: false },
        { send: true, receive: true },
      ],
      gracefulRestart: { restartTimeSeconds: 120, notification: true },
      longLivedStaleSeconds: 3600,
      longLivedRestarter: true,
    },
  };
  const theirs = offered(profileOf(all), null);
  const both = agree(all, theirs);
  t.match(both, { routeRefresh: true, enhancedRouteRefresh: true });
  t.match(both.codec, { fourOctetAs: true, extendedNextHop: true, maxReceive: 65535, maxSend: 65535 });
  t.same(both.gracefulRestart, {
    restartTimeSeconds: 120,
    restarting: false,
    notification: true,
    families: [
      { family: 0, forwarding: false },
      { family: 1, forwarding: false },
    ],
  });
  t.same(both.longLived, [
    { family: 0, forwarding: false, staleSeconds: 3600 },
    { family: 1, forwarding: false, staleSeconds: 3600 },
  ]);

  const nothing = {
    routeRefresh: false,
    enhancedRouteRefresh: false,
    gracefulRestart: null,
    longLived: [],
  };
  const plain = { fourOctetAs: false, extendedNextHop: false, maxReceive: 4096, maxSend: 4096 };
  for (const agreed of [
    agree(all, [ipv4, ipv6]),
    agree({ offer: { families: [0, 1], fourOctetAs: false, routeRefresh: false } }, theirs),
  ]) {
    t.match(agreed, nothing);
    t.match(agreed.codec, plain);
    t.same(
      [agreed.codec.addPathSend, agreed.codec.addPathReceive],
      [
        [false, false],
        [false, false],
      ],
    );
  }
  t.end();
});

t.test("ADD-PATH is agreed per family and direction: who sends needs one who receives (RFC 7911 §4)", (t) => {
  const modes = [
    { send: false, receive: false },
    { send: true, receive: false },
    { send: false, receive: true },
    { send: true, receive: true },
  ];
  for (const ours of modes)
    for (const theirs of modes) {
      const { codec } = agree({ offer: { addPath: [ours] } }, [
        ipv4,
        { kind: "add-path", families: [{ afi: 1, safi: 1, family: 0, ...theirs }] },
      ]);
      t.equal(codec.addPathSend[0], ours.send && theirs.receive);
      t.equal(codec.addPathReceive[0], ours.receive && theirs.send);
      t.equal(codec.addPathSend[1], false);
    }
  t.end();
});

t.test("the N bit and the families of graceful restart are those of both (RFC 8538 §2, RFC 4724 §3)", (t) => {
  const theirs = (notification: boolean, families: (0 | 1)[]): Capability[] => [
    ipv4,
    ipv6,
    {
      kind: "graceful-restart",
      restarted: true,
      notification,
      restartTimeSeconds: 77,
      families: families.map((family) => ({ afi: family + 1, safi: 1, family, forwarding: true })),
    },
  ];
  const ours = (notification: boolean): Wanted => ({
    offer: { families: [0], gracefulRestart: { restartTimeSeconds: 120, notification } },
  });
  t.match(agree(ours(true), theirs(true, [0, 1])).gracefulRestart, {
    restartTimeSeconds: 77,
    restarting: true,
    notification: true,
    families: [{ family: 0, forwarding: true }],
  });
  t.equal(agree(ours(false), theirs(true, [0])).gracefulRestart!.notification, false);
  t.equal(agree(ours(true), theirs(false, [0])).gracefulRestart!.notification, false);
  t.same(agree(ours(true), theirs(true, [])).gracefulRestart!.families, [], "a helper only");
  t.end();
});

t.test("an OPEN without a 4-octet AS capability is read by its two octets (RFC 6793 §4.2.1)", (t) => {
  const { codec, remoteAs } = agree({ remoteAs: 65002 }, [ipv4], { as: 65002 });
  t.equal(remoteAs, 65002);
  t.equal(codec.fourOctetAs, false);
  t.equal(codec.peerKind, "external");
  t.end();
});

t.test("the neighbor view names what was sent, received and is in use", (t) => {
  const profile = profileOf({
    offer: {
      families: [0, 1],
      extendedMessages: true,
      gracefulRestart: { restartTimeSeconds: 120, notification: true },
    },
  });
  const sent = offered(profile, null);
  const received: Capability[] = [
    ipv4,
    { kind: "four-octet-as", as: 65001 },
    { kind: "fqdn", host: "spine", domain: "example.org" },
    { kind: "unknown", code: 199, value: Uint8Array.of(1, 2) },
  ];
  const view = describeCapabilities(sent, received, negotiate(profile, sent, openWith(received), ends));
  t.same(
    view.sent.map(({ code }) => code),
    [1, 1, 2, 6, 64, 65],
  );
  t.same(
    view.received.map(({ code }) => code),
    [1, 65, 73, 199],
  );
  t.same(
    view.used.map(({ code }) => code),
    [1, 65],
  );
  t.equal(view.peerHostName, "spine.example.org");
  t.same(describeCapabilities(sent, received, null).used, [], "nothing before both OPENs were found good");

  const both = describeCapabilities(sent, sent, negotiate(profile, sent, openWith(sent), ends));
  t.same(
    both.used.map(({ name, value }) => `${name} ${value}`.trim()),
    [
      "Multiprotocol Extensions ipv4-unicast",
      "Multiprotocol Extensions ipv6-unicast",
      "Route Refresh",
      "Extended Message 65535 octets",
      "Graceful Restart restart time 120 s, ipv4-unicast, ipv6-unicast",
      "4-octet AS Number",
    ],
  );
  t.end();
});
