import { request } from "node:http";
import t from "tap";
import { withBody } from "../../src/http/body.ts";
import type { HttpBounds } from "../../src/http/bounds.ts";
import type { Reply } from "../../src/http/reply.ts";
import { get, serve, until } from "./support.ts";

const done = (reply: Reply, text = "done") => reply.whole(200, "text/plain", text);

/** A table of slices: says who wrote what and lets go when nobody reads. */
function tables(slices: number, octets = 1000) {
  const written: string[] = [];
  const ended: string[] = [];
  let most = 0;
  let now = 0;
  return {
    written,
    ended,
    most: () => most,
    now: () => now,
    answer: async ({ url }: { url?: string | undefined }, reply: Reply) => {
      most = Math.max(most, ++now);
      reply.begin(200, {});
      try {
        for (let i = 0; i < slices && !reply.gone; i++) {
          written.push(url!);
          await reply.write("x".repeat(octets));
          await reply.turn();
        }
        await reply.end("end\n");
      } finally {
        now--;
        ended.push(url!);
      }
    },
  };
}

/** So many turns of the loop: for what has no event of its own. */
const turns = (count: number): Promise<void> =>
  count === 0 ? Promise.resolve() : new Promise((resolve) => setImmediate(() => resolve(turns(count - 1))));

t.test(
  "a thousand requests in one write are answered one after the other; what is sent ahead waits with the client",
  async (t) => {
    let answering = 0;
    const seen: string[] = [];
    let most = 0;
    const { client, server } = await serve(t, {
      answer: async ({ url }, reply) => {
        most = Math.max(most, ++answering);
        t.equal(server.underWay, 1);
        seen.push(url!);
        await reply.turn();
        answering--;
        await done(reply, url);
      },
    });
    const asked = Array.from({ length: 1000 }, (_, i) => `/${i}`);
    const { text } = await new Promise<{ text: string }>((resolve) => {
      const one = client(asked.map((path) => get(path)).join(""));
      void until(() => one.statuses.length === 1000 && one.text.endsWith("/999")).then(() => resolve(one));
    });
    t.same(seen, asked, "in order");
    t.equal(most, 1, "one at a time");
    t.notMatch(text, /HTTP\/1\.1 [^2]/);
    t.equal(server.underWay, 0);
  },
);

t.test("long answers take turns: one slice of one answer in each turn of the loop", async (t) => {
  const table = tables(50);
  const { client } = await serve(t, { answer: table.answer });
  let turns = 0;
  let counting = true;
  const count = () => {
    turns++;
    if (counting) setImmediate(count);
  };
  count();
  const clients = [client(get("/a")), client(get("/b")), client(get("/c"))];
  await until(() => clients.every(({ text }) => text.endsWith("0\r\n\r\n")));
  counting = false;
  t.ok(turns >= 150, `the loop turned ${turns} times`);
  const together = table.written.slice(10, 130);
  t.ok(
    together.every((name, i) => i < 3 || name === together[i - 3]),
    `each got its turn: ${together.slice(0, 9).join(" ")}`,
  );
});

t.test("a client that reads nothing holds little, and is cut off when it has taken nothing for long", async (t) => {
  const table = tables(10_000, 50_000);
  const { client, server, advance } = await serve(t, { answer: table.answer });
  const deaf = client(get("/deaf"), false);
  await until(() => server.queued.octets > 0);
  t.ok(server.queued.octets <= 2 * 64 * 1024, `${server.queued.octets} octets wait for it`);
  const before = table.written.length;
  advance(29_999);
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(table.written.length, before, "nothing is made for it meanwhile");
  t.same(table.ended, []);
  advance(1);
  await until(() => table.ended.length === 1);
  t.equal(server.queued.octets, 0, "all is given back");
  deaf.socket.resume();
  await until(() => deaf.closed);
  t.equal(server.connections, 0);
});

t.test("a client that leaves in the middle ends the work for it, also when it had asked for more", async (t) => {
  const table = tables(10_000, 50_000);
  const { client, server } = await serve(t, { answer: table.answer });
  for (const reads of [true, false]) {
    const one = client(get("/table").repeat(100), reads);
    await until(() => table.written.length > 3);
    one.socket.destroy();
    await until(() => server.underWay === 0 && server.connections === 0);
    t.equal(table.now(), 0);
    t.equal(server.queued.octets, 0);
    t.equal(table.ended.length, 1, "of its hundred questions one was looked at");
    table.ended.length = 0;
    table.written.length = 0;
  }
});

t.test("with all places taken a request is refused with 503, unless one is stuck: that gives way", async (t) => {
  const bounds: Partial<HttpBounds> = { requests: 3, giveWayMs: 1000 };
  const table = tables(10_000, 50_000);
  const { client, server, advance } = await serve(t, { bounds, answer: table.answer });
  for (const name of ["/1", "/2", "/3"]) {
    const before = server.queued.octets;
    client(get(name), false);
    await until(() => server.queued.octets > before);
    advance(1);
  }
  advance(996);
  const refused = client(get("/4"));
  await until(() => refused.closed);
  t.same(refused.statuses, [503]);
  t.match(refused.text, /retry-after: 1\r\n/i);
  t.match(refused.text, /3 requests are being answered already: try again$/);
  advance(1);
  client(get("/5"));
  await until(() => table.written.includes("/5") && table.ended.length > 0);
  t.same(table.ended, ["/1"], "the one that has been stuck for the longest gave way");
  t.equal(server.underWay, 3);
});

t.test("long answers have fewer places, so that short ones always find one", async (t) => {
  const table = tables(10_000, 50_000);
  const { client, server } = await serve(t, {
    bounds: { longAnswers: 2 },
    answer: async (asked, reply) => {
      if (asked.url === "/short") return done(reply);
      if (await server.makeLong(reply)) await table.answer(asked, reply);
    },
  });
  client(get("/1"), false);
  client(get("/2"), false);
  await until(() => table.now() === 2);
  const third = client(get("/3"));
  await until(() => third.closed);
  t.same(third.statuses, [503]);
  t.match(third.text, /2 long answers are under way already: try again$/);
  const short = client(get("/short"));
  await until(() => short.text.endsWith("done"));
});

t.test(
  "of one address so many are answered at a time: one more is refused with 429, unless one is stuck",
  async (t) => {
    const table = tables(100_000, 50_000);
    const { client, advance } = await serve(t, { tcp: true, bounds: { requestsPerAddress: 2 }, answer: table.answer });
    client(get("/1"), false);
    client(get("/2"), false);
    await until(() => table.now() === 2);
    const refused = client(get("/3"));
    await until(() => refused.closed);
    t.same(refused.statuses, [429]);
    t.match(refused.text, /2 requests from 127\.0\.0\.1 are being answered already: try again$/);
    let written = -1;
    while (written !== table.written.length) {
      written = table.written.length;
      await turns(20);
    }
    advance(1000);
    client(get("/4"));
    await until(() => table.written.includes("/4"));
  },
);

t.test("above so many octets that nobody takes, requests are refused", async (t) => {
  const table = tables(10_000, 50_000);
  const { client, server } = await serve(t, { bounds: { queuedOctets: 60_000 }, answer: table.answer });
  client(get("/1"), false);
  client(get("/2"), false);
  await until(() => server.queued.octets >= 60_000);
  const refused = client(get("/3"));
  await until(() => refused.closed);
  t.same(refused.statuses, [503]);
  t.match(refused.text, /Too much of other answers waits to be taken/);
});

t.test(
  "one connection more takes the place of the one that has been idle for the longest; who is answered stays",
  async (t) => {
    const table = tables(10_000, 50_000);
    const { client, server } = await serve(t, {
      bounds: { connections: 3 },
      answer: async (asked, reply) => (asked.url === "/short" ? done(reply) : table.answer(asked, reply)),
    });
    const busy = client(get("/busy"), false);
    await until(() => table.now() === 1);
    const first = client();
    await until(() => server.connections === 2);
    const second = client("GET /half");
    await until(() => server.connections === 3);
    const operator = client(get("/short"));
    await until(() => operator.text.endsWith("done"));
    await until(() => first.closed);
    t.notOk(second.closed || busy.closed);
    const crowd = Array.from({ length: 100 }, () => client());
    await until(() => crowd.filter(({ closed }) => closed).length >= 98);
    t.ok(server.connections <= 3);
    t.notOk(busy.closed);
  },
);

t.test("who asks too slowly is dropped: so long from the first octet of a request, however it drips", async (t) => {
  const { client, server, advance } = await serve(t, { answer: (_, reply) => done(reply) });
  const drip = client("GET /");
  const silent = client();
  const half = client("POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc");
  await until(() => server.connections === 3 && half.statuses.length === 1);
  advance(4999);
  drip.send("a");
  await new Promise((resolve) => setImmediate(resolve));
  t.notOk(silent.closed);
  advance(1);
  await until(() => silent.closed);
  for (let i = 0; i < 4; i++) {
    advance(1000);
    drip.send("a");
    await new Promise((resolve) => setImmediate(resolve));
    t.notOk(drip.closed);
  }
  advance(1000);
  await until(() => drip.closed && half.closed);
  t.equal(server.connections, 0);
});

t.test(
  "a connection that is kept is closed when it has been idle for long; each request has its own time",
  async (t) => {
    const { client, server, advance } = await serve(t, { answer: (_, reply) => done(reply) });
    const kept = client();
    for (let i = 1; i <= 5; i++) {
      await until(() => server.connections === 1);
      kept.send(get("/x"));
      await until(() => kept.statuses.length === i && kept.text.endsWith("done") && server.underWay === 0);
      advance(4000);
    }
    t.notOk(kept.closed);
    advance(1000);
    await until(() => kept.closed);
  },
);

t.test("a server that closes lets go of whatever is under way, at once", async (t) => {
  const table = tables(10_000, 50_000);
  const { client, server } = await serve(t, { answer: table.answer });
  const clients = [client(get("/1")), client(get("/2"), false), client(get("/3").repeat(50), false), client("GET")];
  await until(() => table.now() === 3 && server.connections === 4);
  await server.close();
  t.equal(server.connections, 0);
  await until(() => table.now() === 0);
  t.equal(server.queued.octets, 0);
  for (const one of clients) one.socket.resume();
  await until(() => clients.every(({ closed }) => closed));
  t.ok(
    clients.every(({ text }) => !text.endsWith("0\r\n\r\n")),
    "nobody takes a part for the whole",
  );
});

t.test("a host that is none of ours is refused with 421 (DNS rebinding)", async (t) => {
  const { client } = await serve(t, {
    hostNames: () => ["node7", "bgp.example.net"],
    answer: (_, reply) => done(reply),
  });
  for (const [host, status] of [
    ["127.0.0.1", 200],
    ["127.0.0.1:9179", 200],
    ["[::1]:9179", 200],
    ["[fe80::1%25eth0]", 200],
    ["[2001:db8::1]", 200],
    ["localhost:9179", 200],
    ["LocalHost.", 200],
    ["node7:9179", 200],
    ["BGP.example.net", 200],
    ["evil.example", 421],
    ["node7.evil.example", 421],
    ["127.0.0.1.evil.example", 421],
    ["[::1].evil.example", 421],
    ["[evil]", 421],
    ["1.2.3", 421],
    ["localhost:80:80", 421],
    ["user@localhost", 421],
  ] as const) {
    const one = client(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    await until(() => one.statuses.length > 0);
    t.equal(one.statuses[0], status, host);
  }
  const old = client("GET / HTTP/1.0\r\n\r\n");
  await until(() => old.text.endsWith("done"));
});

t.test("who has said all still gets the answer, also over HTTP/1.0", async (t) => {
  const table = tables(20);
  const { client } = await serve(t, { answer: table.answer });
  for (const head of [get("/1"), "GET /2 HTTP/1.0\r\n\r\n"]) {
    const one = client(head);
    one.socket.end();
    await until(() => one.closed);
    t.match(one.text, /end\n/);
  }
});

t.test("an answer that fails is cut off, told to the owner, and its place is free", async (t) => {
  const { client, server, failures } = await serve(t, {
    answer: async (_, reply) => {
      reply.begin(200, {});
      await reply.write("half");
      throw new Error("walk failed");
    },
  });
  const one = client(get("/"));
  await until(() => one.closed);
  t.notMatch(one.text, /0\r\n\r\n$/);
  t.same(failures, ["walk failed"]);
  t.equal(server.underWay, 0);
});

t.test("a body is bounded, alone and with others, and its octets are counted while it is used", async (t) => {
  let use: (() => void) | null = null;
  const { path, server } = await serve(t, {
    answer: async (asked, reply) => {
      const bounds = { most: 100_000, mostOfAll: 150_000, held: server.bodies };
      try {
        await withBody(asked, bounds, async (body) => {
          if (asked.url === "/keep")
            await new Promise<void>((resolve) => {
              use = resolve;
            });
          await done(reply, String(body.length));
        });
      } catch (error) {
        await reply.whole((error as { status: number }).status, "text/plain", (error as Error).message, {
          connection: "close",
        });
      }
    },
  });
  const post = (url: string, body: Buffer, chunked: boolean) =>
    new Promise<string>((resolve, reject) => {
      const headers = chunked ? { "transfer-encoding": "chunked" } : { "content-length": String(body.length) };
      const sent = request({ socketPath: path, method: "POST", path: url, agent: false, headers }, (response) => {
        let text = `${response.statusCode} `;
        response.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on("close", () => resolve(text));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  t.equal(await post("/", Buffer.alloc(100_000), false), "200 100000");
  t.equal(await post("/", Buffer.alloc(100_000), true), "200 100000");
  t.equal(server.bodies.octets, 0);
  t.match(await post("/", Buffer.alloc(100_001), false), /^413 The body of a request may have 100000 octets at most$/);
  t.match(await post("/", Buffer.alloc(100_001), true), /^413 /);
  const kept = post("/keep", Buffer.alloc(80_000), false);
  await until(() => use !== null);
  t.equal(server.bodies.octets, 80_000);
  t.match(await post("/", Buffer.alloc(80_000), false), /^503 The daemon holds too much/);
  use!();
  t.equal(await kept, "200 80000");
  t.equal(server.bodies.octets, 0);
});
