import { readdirSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import t, { type Test } from "tap";
import { abort } from "../../src/os/abort.ts";
import { connectionsFrom } from "../support/kernel-counters.ts";

const descriptors = (): number => readdirSync("/proc/self/fd").length;
const event = (socket: Socket, name: string) => new Promise<void>((resolve) => socket.once(name, () => resolve()));

/** A connection over loopback: our side, half-open as the sessions' are, and the other, which reads nothing until it is told to. */
async function pair(t: Test) {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.6", resolve));
  const { port } = server.address() as { port: number };
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const ours = createConnection({ host: "127.0.0.6", port, allowHalfOpen: true });
  const [theirs] = await Promise.all([accepted, event(ours, "connect")]);
  const errors: string[] = [];
  ours.on("error", (error) => errors.push(error.message));
  theirs.on("error", () => {});
  t.teardown(() => {
    theirs.destroy();
    server.close();
  });
  return { ours, theirs, errors };
}

const beyondAllBuffers = new Uint8Array(32_000_000);

/** What our side did before it is aborted, and whether it is reset. */
const states: Record<string, { reset: boolean; prepare(ours: Socket): void | Promise<void> }> = {
  "at rest": { reset: true, prepare: () => {} },
  "with octets that the other side doesn't read": {
    reset: true,
    prepare: (ours) => void ours.write(beyondAllBuffers),
  },
  "in the turn of its end": { reset: false, prepare: (ours) => void ours.end() },
  "in a turn in which it ends with a last word": { reset: false, prepare: (ours) => void ours.end("goodbye") },
  "after its end": {
    reset: true,
    prepare: (ours) => new Promise((resolve) => ours.end(() => resolve())),
  },
  "while its end waits for the other side to read": {
    reset: false,
    prepare: async (ours) => {
      ours.end(beyondAllBuffers);
      await new Promise((resolve) => setImmediate(resolve));
    },
  },
  "after the other side's end": {
    reset: true,
    prepare: () => {},
  },
};

for (const [state, { reset, prepare }] of Object.entries(states))
  t.test(`a connection is aborted ${state}: it closes without an error, and its descriptor is free`, async (t) => {
    const { ours, theirs, errors } = await pair(t);
    const before = descriptors();
    const port = ours.localPort!;
    if (state === "after the other side's end") {
      ours.resume();
      theirs.end();
      await event(ours, "end");
    } else await prepare(ours);
    const closed = event(ours, "close");
    abort(ours);
    abort(ours);
    await closed;
    t.equal(descriptors(), before - 1);
    t.equal(
      connectionsFrom(port),
      reset ? 0 : 1,
      reset ? "the kernel has nothing left of it" : "the kernel delivers the end",
    );
    t.same(errors, []);
  });

t.test("a connection that isn't up yet is aborted, too", async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.6", resolve));
  t.teardown(() => server.close());
  const before = descriptors();
  const ours = createConnection({ host: "127.0.0.6", port: (server.address() as { port: number }).port });
  const closed = event(ours, "close");
  abort(ours);
  await closed;
  t.equal(descriptors(), before);
});
