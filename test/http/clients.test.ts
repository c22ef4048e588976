import fc from "fast-check";
import t from "tap";
import type { Reply } from "../../src/http/reply.ts";
import { type Client, get, serve, until } from "./support.ts";

/**
 * Clients that do anything at all, in any order, beside an honest one. Whatever they do, the bounds hold at every step, the honest
 * client gets whole answers, and when all have gone nothing is left.
 */
const BOUNDS = {
  connections: 8,
  requests: 5,
  longAnswers: 3,
  queuedOctets: 400_000,
  requestMs: 1000,
  idleMs: 2000,
  stallMs: 3000,
  giveWayMs: 100,
};

const text = fc.oneof(
  fc.constantFrom(
    get("/short"),
    get("/long"),
    get("/long").repeat(30),
    get("/short").repeat(40),
    get("/fails"),
    "GET /half HTTP/1.1\r\nho",
    "POST /short HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\nabc",
    "POST /short HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "POST /short HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n",
    "GET /long HTTP/1.0\r\n\r\n",
    "GET /short HTTP/1.1\r\n\r\n",
    get("/short", "connection: close\r\n"),
    get("/short", "connection: upgrade\r\nupgrade: h2c\r\n"),
    "CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
    `GET /${"x".repeat(20_000)} HTTP/1.1\r\n`,
    "\u0000\u0016\u0003nonsense\r\n\r\n",
  ),
  fc.string({ maxLength: 40 }),
);

const action = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("connect" as const),
      text: fc.oneof(fc.constant(""), text),
      reads: fc.boolean(),
    }),
  },
  fc.record({ type: fc.constant("send" as const), client: fc.nat(11), text }),
  fc.record({ type: fc.constantFrom("read" as const, "pause" as const), client: fc.nat(11) }),
  fc.record({ type: fc.constantFrom("leave" as const, "half-close" as const), client: fc.nat(11) }),
  fc.record({ type: fc.constant("turns" as const), turns: fc.nat(20) }),
  fc.record({ type: fc.constant("wait" as const), ms: fc.nat(1500) }),
);

t.test(
  "clients that do anything in any order: bounds hold, honest ones are answered, and nothing is left",
  async (t) => {
    let working = 0;
    let most = 0;
    const { server, client, advance } = await serve(t, {
      bounds: BOUNDS,
      answer: async (asked, reply: Reply) => {
        most = Math.max(most, ++working);
        try {
          asked.resume();
          if (asked.url === "/fails") throw new Error("on purpose");
          if (asked.url !== "/long") return await reply.whole(200, "text/plain", "short");
          if (!(await server.makeLong(reply))) return;
          reply.begin(200, {});
          for (let i = 0; i < 60 && !reply.gone; i++) {
            await reply.write("x".repeat(20_000));
            await reply.turn();
          }
          await reply.end();
        } finally {
          working--;
        }
      },
    });
    const check = () => {
      // One that was cut off goes on to its next look at `gone`, no longer: as many may still be about to see it.
      if (server.underWay > 2 * BOUNDS.requests) throw new Error(`${server.underWay} requests under way`);
      if (server.connections > BOUNDS.connections) throw new Error(`${server.connections} connections`);
      if (server.queued.octets < 0 || server.queued.octets > BOUNDS.queuedOctets + BOUNDS.requests * 65_536)
        throw new Error(`${server.queued.octets} octets queued`);
    };
    const turns = async (count: number) => {
      for (let i = 0; i < count; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        check();
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 60 }), async (actions) => {
        const clients: Client[] = [];
        for (const what of actions) {
          if (what.type === "connect") {
            if (clients.length < 12) clients.push(client(what.text, what.reads));
          } else if (what.type === "turns") await turns(what.turns);
          else if (what.type === "wait") advance(what.ms);
          else {
            const one = clients[what.client];
            if (one === undefined || one.closed) continue;
            if (what.type === "send") one.send(what.text);
            else if (what.type === "read") one.socket.resume();
            else if (what.type === "pause") one.socket.pause();
            else if (what.type === "leave") one.socket.destroy();
            else one.socket.end();
          }
          await turns(1);
        }
        // Whoever has sat there for long enough gives way to an honest client, however many there are.
        advance(BOUNDS.giveWayMs);
        let honest = client(get("/short"));
        await until(() => {
          check();
          if (honest.closed && !honest.text.includes(" 200 ")) honest = client(get("/short"));
          return honest.text.endsWith("short");
        });
        for (const one of [...clients, honest]) one.socket.destroy();
        await until(() => server.connections === 0 && server.underWay === 0 && working === 0);
        if (server.queued.octets !== 0) throw new Error(`${server.queued.octets} octets are left`);
      }),
      { numRuns: 80 },
    );
    t.ok(most <= 2 * BOUNDS.requests, `${most} at work at a time`);
  },
);
