import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Test } from "tap";
import { HttpServer, type HttpServerOptions } from "../../src/http/server.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { VirtualClock } from "../../testbed/virtual-clock.ts";
import { waitFor } from "../../testbed/wait.ts";
import { shortDirectory } from "../support/control-socket.ts";

/** Time passes when the test says so; turns are those of the real loop, as real sockets need them. */
export class HandClock implements Clock {
  readonly time = new VirtualClock();
  now = () => this.time.now();
  wallTime = () => this.time.wallTime();
  setTimer = (delayMs: number, fire: () => void) => this.time.setTimer(delayMs, fire);
  defer = (run: () => void) => void setImmediate(run);
}

/** Lets the loop turn until it is so. The condition is its own description. */
export const until = (done: () => boolean): Promise<true> =>
  waitFor(String(done).replace("() => ", ""), done, { everyMs: 1 });

/** A server on a unix socket of its own, or on a port of 127.0.0.1, for as long as the test lasts. */
export async function serve(
  t: Test,
  { tcp = false, ...options }: Partial<HttpServerOptions> & Pick<HttpServerOptions, "answer"> & { tcp?: boolean },
) {
  const clock = new HandClock();
  const failures: string[] = [];
  const server = new HttpServer({
    clock,
    hostNames: null,
    refusal: (sentence) => ({ type: "text/plain", text: sentence }),
    failed: ({ message }) => failures.push(message),
    ...options,
  });
  const path = join(shortDirectory(t), "s");
  await new Promise<void>((resolve) =>
    server.listener.listen(tcp ? { host: "127.0.0.1", port: 0 } : { path }, resolve),
  );
  const address = server.listener.address();
  const to = typeof address === "object" && address !== null ? { host: "127.0.0.1", port: address.port } : { path };
  t.teardown(() => server.close());
  const client = (send = "", reads = true) => {
    const made = new Client(to, send, reads);
    t.teardown(() => made.socket.destroy());
    return made;
  };
  return { server, path, failures, client, advance: (ms: number) => clock.time.advance(ms) };
}

export const get = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;

/** Octets in and out, as they are. */
export class Client {
  readonly socket: Socket;
  text = "";
  closed = false;

  constructor(to: { path: string } | { host: string; port: number }, send: string, reads: boolean) {
    this.socket = connect({ ...to, allowHalfOpen: true });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
    });
    this.socket.on("data", (chunk: Buffer) => {
      this.text += chunk.toString("latin1");
    });
    this.socket.on("end", () => this.socket.end());
    if (!reads) this.socket.pause();
    if (send !== "") this.socket.write(send);
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** The statuses of the answers so far. */
  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }
}
