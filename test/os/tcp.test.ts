import { execFile, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import { TcpNetwork } from "../../src/os/tcp.ts";
import type {
  DialOptions,
  Listener,
  ListenOptions,
  Transport,
  TransportReceiver,
} from "../../src/session/transport.ts";
import { NotYet, waitFor } from "../../testbed/wait.ts";
import { connectionsFrom, dropped, turn, untilDropped } from "../support/kernel-counters.ts";

const run = promisify(execFile);
const key = (text: string) => new TextEncoder().encode(text);

/** Hears a transport. */
class Ear implements TransportReceiver {
  bytes = 0;
  text = "";
  reason: string | null = null;

  received(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    if (this.text.length < 1_000) this.text += new TextDecoder("latin1").decode(chunk);
  }

  closed(reason: string): void {
    this.reason = reason;
  }

  /** The condition is its own description. */
  until(done: () => boolean): Promise<true> {
    const seen = () => ({ bytes: this.bytes, text: this.text, reason: this.reason });
    return waitFor(String(done).replace("() => ", ""), done, { seen });
  }
}

const dial = (network: TcpNetwork, options: DialOptions): Promise<Transport> =>
  new Promise((resolve, reject) => {
    network.connect(options, { connected: resolve, failed: (reason) => reject(new Error(reason)) });
  });

/** A listener and what it accepts, one after the other. */
async function listening(network: TcpNetwork, more: Partial<ListenOptions> = {}) {
  const accepted: Transport[] = [];
  const listener = await network.listen({
    addresses: ["127.0.0.2"],
    port: 0,
    accepted: (transport) => accepted.push(transport),
    ...more,
  });
  const next = (): Promise<Transport> => waitFor("a connection is accepted", () => accepted.shift());
  return { listener, next, port: (listener as Listener).endpoints[0]!.port };
}

t.test("bytes go both ways, from the address that was asked for", async (t) => {
  const network = new TcpNetwork();
  const { listener, next, port } = await listening(network);
  const near = await dial(network, { remoteAddress: "127.0.0.2", remotePort: port, localAddress: "127.0.0.3" });
  const far = await next();
  t.same([near.remoteAddress, near.localAddress], ["127.0.0.2", "127.0.0.3"]);
  t.same([far.remoteAddress, far.localAddress, far.localPort], ["127.0.0.3", "127.0.0.2", port]);
  t.equal(far.remotePort, near.localPort);
  const [nearEar, farEar] = [new Ear(), new Ear()];
  near.attach(nearEar);
  far.attach(farEar);
  near.write([key("one "), key("two "), key("three")]);
  await farEar.until(() => farEar.bytes === 13);
  t.equal(farEar.text, "one two three");
  far.write([key("four")]);
  await nearEar.until(() => nearEar.bytes === 4);
  near.destroy();
  await farEar.until(() => farEar.reason !== null);
  t.equal(farEar.reason, "connection reset by peer");
  far.end();
  await listener.close();
});

t.test("both families are listened on side by side, `::` for IPv6 alone", async (t) => {
  const network = new TcpNetwork();
  const first = await listening(network, { addresses: ["0.0.0.0"] });
  const second = await listening(network, { addresses: ["::"], port: first.port });
  const near = await dial(network, { remoteAddress: "::1", remotePort: first.port });
  const far = await second.next();
  t.equal(far.remoteAddress, "::1");
  near.destroy();
  await first.listener.close();
  await t.rejects(dial(network, { remoteAddress: "127.0.0.1", remotePort: first.port }), {
    message: "connection refused",
  });
  await second.listener.close();
});

t.test("a neighbor on an interface that isn't there is named with it", async (t) => {
  await t.rejects(dial(new TcpNetwork(), { remoteAddress: "fe80::1%nowhere0", remotePort: 1790 }), {
    message: "fe80::1%nowhere0 can't be dialled: this host has no interface nowhere0",
  });
});

t.test("what can't be listened on is said in one clear sentence", async (t) => {
  const network = new TcpNetwork();
  const { listener, port } = await listening(network);
  await t.rejects(listening(network, { port }), {
    message: `Cannot listen on 127.0.0.2 port ${port}: the port is in use by another program.`,
  });
  const said: string[] = [];
  const absent = await network.listen({
    addresses: ["192.0.2.77"],
    port: 0,
    accepted() {},
    trouble: (message) => said.push(message),
  });
  t.same(absent.endpoints, [], "an address that isn't there is no end");
  t.same(said, [
    "Cannot listen on 192.0.2.77 port 0: it is not an address of this host; it is listened on as soon as it is there.",
  ]);
  await absent.close();
  // All or nothing: the free address of the two is given back.
  await t.rejects(listening(network, { addresses: ["127.0.0.3", "127.0.0.2"], port }));
  const again = await listening(network, { addresses: ["127.0.0.3"], port });
  await again.listener.close();
  await listener.close();
});

t.test(
  "without privilege port 179 is refused in words",
  { skip: process.getuid?.() !== 0 && "needs root" },
  async (t) => {
    // A child that is nobody: privileges can't be given back.
    const script = `
    import { TcpNetwork } from ${JSON.stringify(new URL("../../src/os/tcp.js", import.meta.url).href)};
    process.setgid(65534); process.setuid(65534);
    await new TcpNetwork().listen({ addresses: ["127.0.0.2"], port: 179, accepted() {} }).then(
      () => console.log("listens"), (error) => console.log(error.message));
    process.exit();`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script]);
    const free = (await run("cat", ["/proc/sys/net/ipv4/ip_unprivileged_port_start"])).stdout.trim();
    if (Number(free) <= 179) t.equal(stdout, "listens\n");
    else
      t.equal(
        stdout,
        "Cannot listen on 127.0.0.2 port 179: not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE.\n",
      );
  },
);

t.test("dials that fail say why, and a dial that was cancelled says nothing", async (t) => {
  const network = new TcpNetwork();
  const { listener, port } = await listening(network);
  await t.rejects(dial(network, { remoteAddress: "127.0.0.2", remotePort: port, localAddress: "192.0.2.77" }), {
    message: "no such local address 192.0.2.77",
  });
  let called = false;
  const callback = () => {
    called = true;
  };
  network.connect({ remoteAddress: "127.0.0.2", remotePort: port }, { connected: callback, failed: callback }).cancel();
  network
    .connect(
      { remoteAddress: "127.0.0.2", remotePort: port, md5Key: key("x".repeat(81)) },
      { connected: callback, failed: callback },
    )
    .cancel();
  await t.rejects(dial(network, { remoteAddress: "127.0.0.2", remotePort: port, md5Key: key("x".repeat(81)) }), {
    message: "Cannot use the TCP MD5 password of 127.0.0.2: it must have 1 to 80 octets, found 81.",
  });
  t.notOk(called);
  await listener.close();
});

t.test(
  "an ending side is heard to its last word, even when it leaves much unread (RFC 4271 §6.4 needs no luck)",
  async (t) => {
    // The wait for the other side to close is longer than this test: what comes is read off, so nothing waits that long.
    const network = new TcpNetwork(120_000);
    const { listener, next, port } = await listening(network);
    for (let round = 0; round < 20; round++) {
      const near = await dial(network, { remoteAddress: "127.0.0.2", remotePort: port });
      const far = await next();
      const ear = new Ear();
      near.attach(ear);
      near.write([new Uint8Array(100_000)]); // never read by far: it has no receiver
      far.write([key("goodbye")]);
      far.end();
      await ear.until(() => ear.reason !== null);
      t.equal(ear.text, "goodbye");
      t.equal(ear.reason, "connection closed by peer");
      near.end();
    }
    await network.drained();
    await listener.close();
  },
);

t.test("a connection that is refused in the turn of its arrival can still read why", async (t) => {
  const network = new TcpNetwork();
  const { listener, port } = await listening(network, {
    accepted(transport) {
      transport.write([key("not you")]);
      transport.end();
    },
  });
  const near = await dial(network, { remoteAddress: "127.0.0.2", remotePort: port });
  const ear = new Ear();
  near.attach(ear);
  near.write([key("OPEN")]);
  await ear.until(() => ear.reason !== null);
  t.equal(ear.text, "not you");
  near.end();
  await network.drained();
  await listener.close();
});

t.test("a connection that was reset before it was accepted is nobody's", async (t) => {
  const heard: string[] = [];
  const { listener, port } = await listening(new TcpNetwork(), {
    accepted(transport) {
      heard.push(transport.remoteAddress);
      transport.destroy();
    },
  });
  // The kernel completes connections while our loop stands still; those of the child are reset, all but the last one.
  const child = `
    import { connect } from "node:net";
    for (let i = 0; i < 20; i++) {
      const socket = connect(${port}, "127.0.0.2");
      await new Promise((resolve) => socket.once("connect", resolve));
      socket.resetAndDestroy();
      await new Promise((resolve) => socket.once("close", resolve));
    }
    connect(${port}, "127.0.0.2").once("connect", () => process.exit());
  `;
  spawnSync(process.execPath, ["--input-type=module", "-e", child]);
  await waitFor("a connection is accepted", () => heard.length > 0);
  t.same(heard, ["127.0.0.1"], "the one that was not reset is there, of the others nobody was told");
  await listener.close();
});

t.test("a peer that never closes is given up after a while; nothing is called back after an end", async (t) => {
  const network = new TcpNetwork(30);
  const { listener, next, port } = await listening(network);
  const deaf = createConnection({ host: "127.0.0.2", port, allowHalfOpen: true });
  deaf.on("error", () => {});
  const far = await next();
  const ear = new Ear();
  far.attach(ear);
  far.end();
  deaf.write("still here");
  let over = false;
  void network.drained().then(() => {
    over = true;
  });
  await waitFor("the peer is given up", () => over); // it never closes: nothing else can end this
  t.same([ear.bytes, ear.reason], [0, null]);
  deaf.destroy();
  await listener.close();
});

/** Clients that read nothing, and have no time to. */
const deafClients = (port: number, count: number) =>
  Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<Socket>((resolve) => {
          const socket = createConnection({ host: "127.0.0.2", port, allowHalfOpen: true }, () => resolve(socket));
          socket.pause();
        }),
    ),
  );

const descriptors = (): number => readdirSync("/proc/self/fd").length;

t.test("a peer that never reads our last words is reset after a while, and costs no descriptor", async (t) => {
  const network = new TcpNetwork(30);
  const { listener, next, port } = await listening(network);
  const before = descriptors();
  const deaf = await deafClients(port, 20);
  for (const _ of deaf) {
    const far = await next();
    far.attach(new Ear());
    far.write([new Uint8Array(16_000_000)]);
    far.end();
  }
  await network.drained();
  t.equal(descriptors() - before, deaf.length, "the clients' own");
  t.equal(connectionsFrom(port), 0, "nor anything else of the system");
  for (const socket of deaf) socket.destroy();
  await listener.close();
});

t.test("four hundred sessions that end in one turn all hear the last word", async (t) => {
  const network = new TcpNetwork(120_000);
  const { listener, next, port } = await listening(network);
  const clients = await deafClients(port, 400);
  const transports: Transport[] = [];
  for (const _ of clients) transports.push(await next());
  const heard = clients.map(
    (socket) =>
      new Promise<string>((resolve) => {
        let text = "";
        socket.on("data", (data) => {
          text += data;
        });
        socket.on("end", () => resolve(text));
        socket.on("error", (error) => resolve(error.message));
      }),
  );
  for (const transport of transports) {
    transport.attach(new Ear());
    transport.write([key("goodbye")]);
    transport.end();
  }
  for (const socket of clients) socket.resume();
  t.same(new Set(await Promise.all(heard)), new Set(["goodbye"]));
  for (const socket of clients) socket.end();
  await network.drained();
  await listener.close();
});

t.test("who connects again and again and never closes doesn't use up the descriptors", async (t) => {
  const network = new TcpNetwork(120_000);
  const before = descriptors();
  const { listener, port } = await listening(network, { accepted: (transport) => transport.end() });
  const clients: Socket[] = [];
  for (let i = 0; i < 400; i++) clients.push(...(await deafClients(port, 1)));
  const ours = () => descriptors() - before - clients.length - 1;
  await waitFor("the oldest are given up", () => ours() <= 257, { seen: ours });
  t.equal(ours(), 257, "one was up at a time, and 256 more may wait for the other side's end");
  for (const socket of clients) socket.destroy();
  await network.drained();
  await listener.close();
});

t.test("taken is told when the kernel has all; backlog falls as the peer reads a part", async (t) => {
  const network = new TcpNetwork();
  const { listener, next, port } = await listening(network);
  const reader = createConnection({ host: "127.0.0.2", port });
  const far = await next();
  far.attach(new Ear());
  const chunk = new Uint8Array(64_000_000); // far beyond what both sockets' buffers grow to
  let taken = false;
  far.write([new Uint8Array(10)], () => {});
  far.write([chunk], () => {
    taken = true;
  });
  t.ok(far.backlog() > 0, "the kernel does not take 64 MB at once");
  const before = far.backlog();
  let read = 0;
  const part = new Promise<void>((resolve) => {
    reader.on("data", function onData(data: Buffer) {
      read += data.length;
      if (read < 3_000_000) return;
      reader.pause();
      reader.off("data", onData);
      resolve();
    });
  });
  await part;
  await waitFor("the backlog falls", () => far.backlog() < before, { seen: () => [before, far.backlog()] });
  t.notOk(taken);
  t.ok(far.backlog() < before && far.backlog() > 0, `${before} > ${far.backlog()} > 0`);
  reader.resume();
  await waitFor("all is taken", () => taken, { seen: () => far.backlog() });
  t.equal(far.backlog(), 0);
  far.destroy();
  reader.destroy();
  await listener.close();
});

t.test(
  "what the kernel takes at once is taken before write returns; order holds whichever way octets leave",
  async (t) => {
    const network = new TcpNetwork();
    const { listener, next, port } = await listening(network);
    const reader = createConnection({ host: "127.0.0.2", port });
    reader.pause();
    const far = await next();
    far.attach(new Ear());
    const taken: number[] = [];
    const write = (i: number, octets: number) => far.write([new Uint8Array(octets).fill(i)], () => taken.push(i));
    write(1, 19);
    t.same(taken, [1]);
    t.equal(far.backlog(), 0);
    // The kernel takes a part of the second, the stream has the rest, and the third must not overtake it.
    write(2, 32_000_000);
    write(3, 19);
    t.same(taken, [1]);
    let wrong = 0;
    let read = 0;
    reader.on("data", (data: Buffer) => {
      const wanted = (at: number) => (at < 19 ? 1 : at < 32_000_019 ? 2 : 3);
      for (const at of [0, data.length - 1]) if (data[at] !== wanted(read + at)) wrong++;
      read += data.length;
    });
    reader.resume();
    await waitFor("all is read", () => read === 32_000_038, { seen: () => read });
    t.equal(wrong, 0);
    t.same(taken, [1, 2, 3]);
    write(4, 19);
    t.same(taken, [1, 2, 3, 4]);
    far.destroy();
    reader.destroy();
    await listener.close();
  },
);

t.test("while paused nothing is read, and the sender feels it", async (t) => {
  const network = new TcpNetwork();
  const { listener, next, port } = await listening(network);
  const near = await dial(network, { remoteAddress: "127.0.0.2", remotePort: port });
  const far = await next();
  const ear = new Ear();
  far.attach(ear);
  far.pause();
  near.attach(new Ear());
  near.write([new Uint8Array(20_000_000)]);
  // Whatever is read at all is read within a few turns of the loop; another connection's bytes show that they pass.
  const other = await dial(network, { remoteAddress: "127.0.0.2", remotePort: port });
  const otherFar = await next();
  const otherEar = new Ear();
  otherFar.attach(otherEar);
  for (let i = 1; i <= 20; i++) {
    other.write([key("x")]);
    await otherEar.until(() => otherEar.bytes === i);
  }
  other.destroy();
  otherFar.destroy();
  t.ok(ear.bytes <= 131_072, `${ear.bytes} octets came before the pause took hold`);
  t.ok(near.backlog() > 1_000_000);
  far.resume();
  await ear.until(() => ear.bytes === 20_000_000);
  near.destroy();
  far.destroy();
  await listener.close();
});

// --- TCP MD5 and GTSM: no privilege is needed, but Linux and koffi are ---

const linux = { skip: process.platform !== "linux" && "needs Linux" };

/** A dial that the kernel's key check throws away, for the reason that it counts: nothing comes of it. */
async function meetsSilence(t: Test, network: TcpNetwork, options: DialOptions): Promise<void> {
  const reason = options.md5Key === undefined ? "TCPMD5NotFound" : "TCPMD5Failure";
  const before = dropped(reason);
  const heard: string[] = [];
  const attempt = network.connect(options, {
    connected: () => heard.push("connected"),
    failed: (why) => heard.push(why),
  });
  await untilDropped(reason, before);
  await turn();
  t.same(heard, []);
  attempt.cancel();
}

t.test("TCP MD5: the right key connects, a wrong one or none meets silence (RFC 2385)", linux, async (t) => {
  const network = new TcpNetwork();
  const { listener, next, port } = await listening(network);
  listener.setMd5Key("127.0.0.3", key("secret"));
  const options = { remoteAddress: "127.0.0.2", remotePort: port, localAddress: "127.0.0.3" };
  const near = await dial(network, { ...options, md5Key: key("secret") });
  const far = await next();
  const ear = new Ear();
  far.attach(ear);
  near.write([key("signed")]);
  await ear.until(() => ear.bytes === 6);
  await meetsSilence(t, network, { ...options, md5Key: key("sesame") });
  await meetsSilence(t, network, options);
  // Another address has no key, and needs none.
  const other = await dial(network, { remoteAddress: "127.0.0.2", remotePort: port, localAddress: "127.0.0.4" });
  (await next()).destroy();
  other.destroy();

  // A new key on both ends of a connection that is up: the session survives.
  near.configure({ md5Key: key("changed") });
  far.configure({ md5Key: key("changed") });
  near.write([key(" anew")]);
  await ear.until(() => ear.bytes === 11);
  t.equal(ear.reason, null);

  // The listener forgets the key; who is up stays up.
  listener.setMd5Key("127.0.0.3", null);
  listener.setMd5Key("127.0.0.3", null);
  const plain = await dial(network, options);
  (await next()).destroy();
  plain.destroy();
  near.destroy();
  far.destroy();
  await listener.close();
});

t.test("TCP MD5 for a whole prefix, both families: dynamic neighbors", linux, async (t) => {
  const network = new TcpNetwork();
  for (const [own, peer, prefix] of [
    ["127.0.0.2", "127.7.0.9", "127.7.0.0/16"],
    ["::1", "::1", "::/64"],
  ] as const) {
    const { listener, next, port } = await listening(network, { addresses: [own] });
    listener.setMd5Key(prefix, key("secret"));
    const near = await dial(network, {
      remoteAddress: own,
      remotePort: port,
      localAddress: peer,
      md5Key: key("secret"),
    });
    const far = await next();
    far.configure({ md5Key: key("secret") });
    const ear = new Ear();
    far.attach(ear);
    near.write([key("hello")]);
    await ear.until(() => ear.bytes === 5);
    await meetsSilence(t, network, { remoteAddress: own, remotePort: port, localAddress: peer });
    near.destroy();
    far.destroy();
    await listener.close();
  }
});

t.test("GTSM: packets from too far away are not heard (RFC 5082)", linux, async (t) => {
  const network = new TcpNetwork();
  const { listener, next, port } = await listening(network, { ttl: 255 });
  const far = { remoteAddress: "127.0.0.2", remotePort: port };
  const near = await dial(network, { ...far, ttl: 255, minTtl: 255 });
  const accepted = await next();
  accepted.configure({ ttl: 255, minTtl: 255 });
  const ear = new Ear();
  accepted.attach(ear);
  near.write([key("near")]);
  await ear.until(() => ear.bytes === 4);

  const distant = await dial(network, { ...far, ttl: 64 });
  const suspicious = await next();
  suspicious.configure({ ttl: 255, minTtl: 255 });
  const deafEar = new Ear();
  suspicious.attach(deafEar);
  const before = dropped("TCPMinTTLDrop");
  distant.write([key("far")]);
  await untilDropped("TCPMinTTLDrop", before);
  await turn();
  t.equal(deafEar.bytes, 0);
  for (const transport of [near, accepted, distant, suspicious]) transport.destroy();
  await listener.close();
});

t.test("TTL 1 and type of service are what the kernel then reports", linux, async (t) => {
  const network = new TcpNetwork();
  const { listener, next, port } = await listening(network);
  const near = await dial(network, { remoteAddress: "127.0.0.2", remotePort: port, ttl: 1, tos: 0xc0 });
  const far = await next();
  far.configure({ ttl: 1, tos: 0xc0 });
  const libc = network.libc();
  const read = (transport: Transport, level: number, name: number) => {
    const value = new Int32Array(1);
    const fd = (transport as unknown as { fileDescriptor: number }).fileDescriptor;
    libc.getsockopt(fd, level, name, new Uint8Array(value.buffer), new Uint8Array(new Int32Array([4]).buffer));
    return value[0];
  };
  for (const transport of [near, far]) t.same([read(transport, 0, 2), read(transport, 0, 1)], [1, 0xc0]);
  near.destroy();
  far.destroy();
  await listener.close();
});

t.test("out of file descriptors: those that are up live on, nothing spins, and it recovers", linux, async (t) => {
  const script = `
    import { TcpNetwork } from ${JSON.stringify(new URL("../../src/os/tcp.js", import.meta.url).href)};
    const network = new TcpNetwork();
    const ears = [];
    let accepted = 0, troubles = 0, open = 0, turns = 0;
    // Counts turns of the loop without keeping it turning.
    const count = () => { turns++; setImmediate(count).unref(); };
    count();
    const listener = await network.listen({ addresses: ["127.0.0.2"], port: 0, trouble() { troubles++; },
      accepted(transport) { accepted++; open++; transport.attach({ received(chunk) { transport.write([chunk]); }, closed() { open--; transport.end(); } }); } });
    process.on("message", (message) => {
      if (message === "exit") process.exit();
      process.send({ accepted, troubles, open, turns });
    });
    process.send({ port: listener.endpoints[0].port });`;
  const { fork } = await import("node:child_process");
  const { mkdtempSync, writeFileSync, rmSync } = await import("node:fs");
  const folder = mkdtempSync("/tmp/peerage-tcp-");
  writeFileSync(`${folder}/child.mjs`, script);
  const child = fork(`${folder}/child.mjs`, {
    execPath: "/bin/sh",
    execArgv: ["-c", 'ulimit -n 64; exec "$0" "$@"', process.execPath],
  });
  const ask = (message: string) =>
    new Promise<Record<string, number>>((resolve) => {
      child.once("message", (answer) => resolve(answer as Record<string, number>));
      if (message !== "") child.send(message);
    });
  const port = (await ask("")).port!;
  const connect = () =>
    new Promise<Socket>((resolve) => {
      const socket = createConnection({ host: "127.0.0.2", port }, () => resolve(socket));
      socket.on("error", () => resolve(socket));
    });
  const echoed = (socket: Socket, text: string) =>
    new Promise<string>((resolve) => {
      socket.once("data", (data) => resolve(data.toString()));
      socket.once("close", () => resolve("closed"));
      socket.write(text);
    });
  const first = await connect();
  t.equal(await echoed(first, "before"), "before");
  let refused = 0;
  const crowd = await Promise.all(
    Array.from({ length: 500 }, async () => {
      const socket = await connect();
      socket.on("close", () => refused++).resume();
      return socket;
    }),
  );
  // Each is taken or closed.
  const { accepted } = await waitFor("each of the five hundred is taken or closed", async () => {
    const report = await ask("report");
    if (report.accepted! - 1 + refused < 500) throw new NotYet(`${report.accepted} taken, ${refused} closed`);
    return report;
  });
  const { turns: before, troubles } = await ask("report");
  spawnSync(process.execPath, ["-e", ""]); // takes its time, in which the child has nothing to do
  const { turns: after } = await ask("report");
  t.ok(accepted! < 64, `${accepted} accepted of 501`);
  t.ok(troubles! <= 3, `${troubles} words of trouble`);
  t.ok(after! - before! <= 10, `${after! - before!} turns of the loop under siege, with nothing to do`);
  t.equal(await echoed(first, "during"), "during");
  for (const socket of crowd) socket.destroy();
  await waitFor("the crowd has left", async () => (await ask("report")).open! <= 1);
  const late = await connect();
  t.equal(await echoed(late, "after"), "after");
  first.destroy();
  late.destroy();
  child.send("exit");
  await new Promise((resolve) => child.once("exit", resolve));
  rmSync(folder, { recursive: true });
});

t.test("the plain server of Node and our dial understand each other", async (t) => {
  const server = createServer((socket) => socket.end("hi"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.5", resolve));
  const network = new TcpNetwork();
  const { port } = server.address() as { port: number };
  const near = await dial(network, { remoteAddress: "127.0.0.5", remotePort: port });
  const ear = new Ear();
  near.attach(ear);
  await ear.until(() => ear.reason !== null);
  t.equal(ear.text, "hi");
  near.end();
  await network.drained();
  server.close();
});
