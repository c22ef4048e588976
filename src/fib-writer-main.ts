import { createServer } from "node:net";
import { serveWriter } from "./fib-writer/serve-writer.ts";
import { openFibOs } from "./os/fib-os.ts";
import { claimSocketPath } from "./os/socket-file.ts";

/**
 * The kernel writer as a process of its own, so that whatever parses network bytes needs no CAP_NET_ADMIN. It speaks the
 * protocol of fib-writer/protocol.ts on stdin and stdout, or, with `--socket PATH`, to one speaker at a time on a unix socket
 * (or on the socket that systemd hands over). It ends when its speaker does; on a socket it waits for the next one.
 */
const os = openFibOs();
const host = {
  openNetlink: () => os.openNetlink(),
  claimMark: (mark: string) => os.claimMark(mark),
  processId: os.processId,
  cpuMicros: () => os.cpuMicros(),
};
const fail = (message: string): never => {
  process.stderr.write(`peerage-fib-writer: ${message}\n`);
  process.exit(1);
};

const [option, path] = process.argv.slice(2);
if (option === undefined) {
  // signals meant for the speaker's terminal reach us too; the end of stdin is what ends us
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  process.stdout.on("error", () => process.exit(0)); // the speaker is gone
  serveWriter(host, process.stdin, process.stdout, (problem) => (problem === null ? process.exit(0) : fail(problem)));
} else if (option === "--socket" && path !== undefined) {
  let busy = false;
  const server = createServer((socket) => {
    if (busy) {
      socket.destroy(); // one speaker owns the routes
      return;
    }
    busy = true;
    socket.on("error", () => {});
    socket.on("close", () => {
      busy = false;
    });
    serveWriter(host, socket, socket, (problem) => {
      if (problem !== null) process.stderr.write(`peerage-fib-writer: ${problem}\n`);
      socket.end(); // what was answered is still read
    });
  });
  server.on("error", (error) => fail(`cannot listen on ${path}: ${error.message}`));
  const inherited = process.env.LISTEN_PID === String(process.pid) && process.env.LISTEN_FDS === "1";
  process.umask(0o117); // the socket is for owner and group: 0660
  if (inherited) server.listen({ fd: 3 });
  else
    claimSocketPath(path, "writer's socket").then(
      () => server.listen(path),
      (error: Error) => fail(error.message),
    );
} else fail("usage: fib-writer-main [--socket PATH]");
