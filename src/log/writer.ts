import { fstatSync, type Stats, write } from "node:fs";
import { Socket } from "node:net";
import type { RawWriter } from "./sink.ts";

/**
 * The way to a file descriptor that can't block the loop. Pipes and sockets go through a stream, which waits without a
 * thread; anything else (files, terminals, devices) through the thread pool, one write at a time.
 */
export function writerFor(fd: number): RawWriter {
  let kind: Stats;
  try {
    kind = fstatSync(fd);
  } catch (error) {
    // Started with the descriptor closed: no log, but a router.
    return (_, done) => queueMicrotask(() => done(error as Error));
  }
  return kind.isFIFO() || kind.isSocket() ? streamWriter(fd) : fileWriter(fd);
}

function streamWriter(fd: number): RawWriter {
  let broken: Error | null = null;
  const socket = new Socket({ fd, readable: false, writable: true });
  // The log alone keeps no process alive.
  socket.unref();
  socket.on("error", (error) => {
    broken = error;
  });
  socket.on("close", () => {
    broken ??= new Error("closed");
  });
  return (bytes, done) => {
    // Nobody reads a broken pipe again; asking it costs nothing, but the error must not come a second time.
    if (broken) queueMicrotask(() => done(broken));
    else socket.write(bytes, (error) => done(error ?? null));
  };
}

/** A full disk answers each write with an error until there is room again. */
function fileWriter(fd: number): RawWriter {
  return function put(bytes, done) {
    write(fd, bytes, (error, written) => {
      if (error) done(error);
      else if (written < bytes.length) put(bytes.subarray(written), done);
      else done(null);
    });
  };
}
