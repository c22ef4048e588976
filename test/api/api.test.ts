import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import t, { type Test } from "tap";
import { ApiError, ControlClient } from "../../src/api/client.ts";
import type { ControlServerOptions } from "../../src/api/server.ts";
import type { Log } from "../../src/lib/log.ts";
import { SocketRefused } from "../../src/os/socket-file.ts";
import type { RouteRow, Summary } from "../../src/view/model.ts";
import { ControlError } from "../../src/view/view-port.ts";
import { stretched } from "../../testbed/pace.ts";
import { waitFor } from "../../testbed/wait.ts";
import { controlServer, serve as serveControl, shortDirectory } from "../support/control-socket.ts";
import { FakeSpeaker, hostile, path } from "../support/fake-speaker.ts";

async function serve(t: Test, more: Partial<ControlServerOptions> = {}) {
  const served = await serveControl(t, more);
  return { ...served, client: new ControlClient(served.socket) };
}

const refusal = async (attempt: Promise<unknown>): Promise<ApiError> => {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("it was not refused");
};

t.test("the socket answers what the speaker's view says, and is for its owner and group alone", async (t) => {
  const { socket, client, server } = await serve(t);
  t.equal(statSync(socket).mode & 0o777, 0o660);
  const summary = await client.get<Summary>("/summary");
  t.match(summary, { router: { as: 65001 }, neighbors: [{ address: "10.0.0.2", state: "Established" }, {}] });
  t.equal(summary.neighbors[1]!.description, hostile, "the value is whole");
  t.match(
    await client.get("/neighbor/2001:DB8:0::1"),
    { neighbors: [{ address: "2001:db8::1" }] },
    "any way to write it",
  );
  await server.close();
  t.notOk(existsSync(socket), "the socket goes with its daemon");
});

t.test("what a peer wrote goes over the wire as escapes, safe to print as it comes", async (t) => {
  const { client } = await serve(t);
  let text = "";
  await client.stream("/summary", {}, async (chunk) => {
    text += chunk.toString();
  });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  t.notMatch(text.trimEnd(), /[\u0000-\u001f\u007f-\u009f\u202e]/);
  t.match(text, /gone\\u001b\[2J\\nfishing \\u202eevil/);
});

t.test("a question reaches the view with its prefix, family and source read", async (t) => {
  const { client, speaker } = await serve(t);
  speaker.rows = [[{ prefix: "10.0.0.0/8", paths: [path()] }]];
  t.match(
    await client.get("/route", { prefix: "10.1.2.3", longer: "true", family: "ipv4-unicast", from: "2001:DB8::1" }),
    {
      routes: [{ prefix: "10.0.0.0/8" }],
    },
  );
  t.match(speaker.queries[0], {
    prefix: { text: "10.1.2.3", family: 0, length: 32, isAddress: true },
    longer: true,
    family: 0,
    from: "2001:db8::1",
  });
  await client.get("/received/10.0.0.2");
  t.same(speaker.queries[1], {});
  t.match(await client.get("/explain", { prefix: "2001:DB8::/32" }), { prefix: "2001:db8::/32" });
});

t.test("bad requests are answered with a sentence, unknown things with 404, and nothing is done", async (t) => {
  const { client, speaker } = await serve(t);
  for (const [attempt, status, message] of [
    [client.get("/nothing"), 404, "There is nothing at /nothing"],
    [client.get("/neighbor/10.9.9.9"), 404, "There is no neighbor 10.9.9.9"],
    [client.get("/received/10.9.9.9"), 404, "There is no neighbor 10.9.9.9"],
    [client.get("/advertised/"), 400, "The request needs a neighbor's address"],
    [
      client.get("/route", { prefix: "10.0.0.1/8" }),
      400,
      'Cannot look up "10.0.0.1/8": it must have no bits set behind its length (the prefix is 10.0.0.0/8)',
    ],
    [client.get("/route", { prefix: "x" }), 400, 'Cannot look up "x": it must be a prefix or an address'],
    [client.get("/route", { family: "ipx" }), 400, "family must be ipv4-unicast or ipv6-unicast"],
    [
      client.get("/explain", { prefix: "10.0.0.0/33" }),
      400,
      'Cannot explain "10.0.0.0/33": it must have a length from 0 to 32',
    ],
    [client.get("/reset/10.0.0.2"), 405, "reset wants POST"],
    [client.post("/summary"), 405, "summary wants GET"],
    [client.post("/reset/10.0.0.2", { soft: "both" }), 400, "soft must be in or out"],
    [client.post("/reset/10.9.9.9"), 404, "There is no neighbor 10.9.9.9"],
    [client.post("/drain", { wait: "soon" }), 400, "wait must be a number of seconds"],
    [client.post("/diff"), 400, "The request needs a config as its body: {file, texts}"],
    [client.get("/toString"), 404, "There is nothing at /toString"],
    [client.get("//"), 400, "That is no path"],
    [client.get("/%E0%A4%A"), 400, "URI malformed"],
  ] as const) {
    const error = await refusal(attempt);
    t.same([error.status, error.message], [status, message]);
  }
  t.notOk(speaker.told.some((what) => /^(drain|diff|reload)/.test(what)));
});

t.test("the operator's words reach the speaker", async (t) => {
  const { client, speaker } = await serve(t);
  await client.post("/reset/10.0.0.2");
  await client.post("/reset/10.0.0.2", { soft: "in" });
  t.match(await client.post("/reload"), { unchangedNeighbors: 2 });
  await client.send("/diff", { file: "/etc/peerage.yaml", texts: {} });
  t.match(await client.post("/drain", { wait: "3" }, 0), { complete: true });
  t.same(speaker.told, ["reset 10.0.0.2 hard", "reset 10.0.0.2 in", "reload", "diff /etc/peerage.yaml", "drain 3"]);
});

t.test("only diff takes a body, of at most 16 MiB", async (t) => {
  const { client, speaker } = await serve(t);
  const error = await refusal(client.send("/diff", { file: "/etc/peerage.yaml", texts: { a: "x".repeat(17 << 20) } }));
  t.same([error.status, error.message], [413, "The body of a request may have 16777216 octets at most"]);
  t.match(await refusal(client.send("/reload", {})), { status: 413 });
  t.same(speaker.told, []);
});

t.test("a refused config comes back with every fault and its place", async (t) => {
  const { client, speaker } = await serve(t);
  speaker.refusal = new ControlError("bad-config", "two things", [
    { message: "Cannot use a", place: "bgp.yaml:3:1" },
    { message: "Cannot use b", place: "bgp.yaml:4:1" },
  ]);
  const error = await refusal(client.post("/reload"));
  t.equal(error.status, 422);
  t.same(error.errors, [
    { message: "Cannot use a", place: "bgp.yaml:3:1" },
    { message: "Cannot use b", place: "bgp.yaml:4:1" },
  ]);
});

t.test("a fault of ours is a 500 with a log line, and the socket lives on", async (t) => {
  const lines: string[] = [];
  const log: Log = { event: (level, name) => lines.push(`${level} ${name}`) };
  const { client, speaker } = await serve(t, { log });
  speaker.refusal = new TypeError("x is undefined");
  t.equal((await refusal(client.post("/reload"))).status, 500);
  t.same(lines, ["error control-request-failed"]);
  await client.get("/summary");
});

t.test("a list that fails in the middle is not mistaken for a whole one", async (t) => {
  const { client, speaker } = await serve(t);
  speaker.rows = (function* () {
    yield [{ prefix: "10.0.0.0/8", paths: [path()] }];
    throw new Error("walk failed");
  })() as unknown as RouteRow[][];
  t.match((await refusal(client.get("/route"))).message, /broke off its answer/);
});

t.test(
  "between two slices of a long list the loop turns, and a client that stops reading stops the walk",
  async (t) => {
    const { speaker, socket } = await serve(t, { bounds: { stallMs: stretched(200) } });
    let taken = 0;
    let ended = false;
    const row = { prefix: "10.0.0.0/8", paths: [path({ communities: new Array(50).fill("65001:100") })] };
    speaker.rows = (function* () {
      try {
        for (; taken < 100_000; taken++) yield new Array(100).fill(row);
      } finally {
        ended = true;
      }
    })() as unknown as RouteRow[][];
    const client = connect(socket);
    client.write("GET /route HTTP/1.1\r\nhost: x\r\n\r\n");
    client.pause();
    const closed = new Promise((resolve) => client.on("close", resolve));
    client.on("error", () => {});
    // Nobody reads: the walk rests, and after the stall time the server ends it.
    await waitFor("the server ends the walk", () => ended, { seen: () => `${taken} slices taken` });
    t.ok(taken < 1000, `${taken} slices were walked for a client that read none`);
    client.resume();
    await closed;
  },
);

t.test("slices that find nothing keep the answer going", async (t) => {
  const { client, speaker } = await serve(t);
  speaker.rows = [[], [], [{ prefix: "10.0.0.0/8", paths: [] }], [], [{ prefix: "11.0.0.0/8", paths: [] }], []];
  t.same(await client.get("/route"), {
    routes: [
      { prefix: "10.0.0.0/8", paths: [] },
      { prefix: "11.0.0.0/8", paths: [] },
    ],
  });
  speaker.rows = [];
  t.same(await client.get("/route"), { routes: [] });
});

t.test("clients that send nonsense, half a request or too much are dropped one by one", async (t) => {
  const { client, socket } = await serve(t, { bounds: { requestMs: stretched(50) } });
  const send = (text: string) =>
    new Promise<void>((resolve) => {
      const raw = connect(socket);
      raw.on("error", () => {});
      raw.on("close", () => resolve());
      raw.resume();
      raw.write(text);
    });
  await Promise.all([
    send("\u0000\u0001\u0002"),
    send("GET"),
    send(`GET /${"x".repeat(100_000)} HTTP/1.1\r\n\r\n`),
    send("POST /reload HTTP/1.1\r\ncontent-length: 99999999\r\n\r\nabc"),
  ]);
  // Asked again where it took so long to ask that this, too, was cut off.
  await waitFor("others are answered", () => client.get("/summary"));
});

t.test("a daemon that is still starting says so to whoever asks or tells, and does nothing", async (t) => {
  let ready = false;
  const { client, speaker } = await serve(t, { isReady: () => ready });
  for (const attempt of [client.get("/summary"), client.post("/drain"), client.get("/nonsense")]) {
    const error = await refusal(attempt);
    t.equal(error.status, 503);
    t.match(error.message, /^The daemon is still starting/);
  }
  t.same(speaker.told, []);
  ready = true;
  await client.get("/summary");
});

t.test("a socket left behind by a dead daemon is replaced", async (t) => {
  const socket = join(shortDirectory(t), "s");
  const program = `require("net").createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, "SIGKILL"))`;
  t.equal(spawnSync(process.execPath, ["-e", program]).signal, "SIGKILL");
  t.ok(existsSync(socket), "it is still there");
  const speaker = new FakeSpeaker();
  const server = await controlServer(socket, speaker);
  await new ControlClient(socket).get("/summary");
  await server.close();
});

t.test("a second daemon on the same socket is refused, and the first does not notice", async (t) => {
  const { socket, client, speaker } = await serve(t);
  await t.rejects(
    controlServer(socket, speaker),
    new SocketRefused(`Another daemon is running: it answers on ${socket} (control.socket chooses another path)`),
  );
  await client.get("/summary");
});

t.test("a path that can't be had is one sentence", async (t) => {
  const speaker = new FakeSpeaker();
  const start = (path: string) => controlServer(path, speaker);
  const directory = shortDirectory(t);
  mkdirSync(join(directory, "folder"));
  writeFileSync(join(directory, "file"), "text");
  await t.rejects(start(join(directory, "file")), { message: /something that is no socket is there/ });
  await t.rejects(start(join(directory, "folder")), { message: /something that is no socket is there/ });
  await t.rejects(start(join(directory, "file", "s")), {
    message: /Cannot make the directory .* a part of the path is no directory/,
  });
  await t.rejects(start(join(directory, "x".repeat(120))), { message: /longer than 107 octets/ });
  const made = join(directory, "new", "deep", "s");
  await (await start(made)).close();
  t.ok(existsSync(join(directory, "new", "deep")), "a missing directory is made");
});

t.test("a client without a daemon hears why in a sentence", async (t) => {
  const directory = shortDirectory(t);
  writeFileSync(join(directory, "file"), "text");
  const message = async (path: string) => (await refusal(new ControlClient(path).get("/summary"))).message;
  t.match(
    await message(join(directory, "none")),
    /^No daemon to ask: there is no socket .*\/none \(--socket or \$PEERAGE_SOCKET names another\)$/,
  );
  t.match(await message(join(directory, "file")), /^(No daemon to ask|Cannot ask)/);
  const deaf = createServer(() => {}).listen(join(directory, "deaf"));
  await new Promise((resolve) => deaf.on("listening", resolve));
  t.match((await refusal(new ControlClient(join(directory, "deaf"), 20).get("/summary"))).message, /does not answer$/);
  deaf.close();
});

t.test("requests over one kept connection are answered in order", async (t) => {
  const { socket } = await serve(t);
  const { Agent } = await import("node:http");
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const ask = (path: string) =>
    new Promise<string>((resolve, reject) => {
      request({ socketPath: socket, path, agent }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on("end", () => resolve(text));
      })
        .on("error", reject)
        .end();
    });
  const [a, b] = await Promise.all([ask("/summary"), ask("/fib")]);
  t.match(a, /"router"/);
  t.match(b, /"routes"/);
});

t.test("a request with a body is refused with 413, and its connection ends", async (t) => {
  const { socket, speaker } = await serve(t);
  const post = (body: string) =>
    new Promise<{ status: number | undefined; text: string; connection: string | undefined }>((resolve, reject) => {
      const sent = request({ socketPath: socket, method: "POST", path: "/reload", agent: false }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on("end", () =>
          resolve({ status: response.statusCode, text, connection: response.headers.connection }),
        );
      });
      sent.on("error", reject);
      sent.end(body);
    });
  const refused = await post("{}");
  t.equal(refused.status, 413);
  t.same(JSON.parse(refused.text), {
    error: { message: "The request has a body, and nothing takes one there", place: null },
  });
  t.equal(refused.connection, "close");
  t.same(speaker.told, []);
  t.equal((await post("")).status, 200);
});

t.test("a daemon that stops cuts off answers under way, refuses what comes, and lets a change end", async (t) => {
  const { socket, speaker, server, client } = await serve(t);
  let slices = 0;
  let ended = false;
  speaker.rows = (function* () {
    try {
      for (;;) {
        slices++;
        yield [];
      }
    } finally {
      ended = true;
    }
  })() as unknown as RouteRow[][];
  let finish = () => {};
  speaker.drain = () =>
    new Promise((resolve) => {
      finish = () => resolve(speaker.drained);
    });
  const listening = refusal(client.get("/route"));
  const draining = new ControlClient(socket).post("/drain", {}, 0);
  await waitFor("ten slices are made", () => slices >= 10, { everyMs: 1, seen: () => slices });
  server.refuse("The daemon is stopping");
  t.match((await listening).message, /broke off its answer/);
  await waitFor("the walk ends", () => ended, { seen: () => `${slices} slices` });
  t.match(await refusal(client.get("/summary")), { status: 503, message: "The daemon is stopping" });
  finish();
  t.match(await draining, { complete: true });
});
