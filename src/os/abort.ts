import type { Socket } from "node:net";

/**
 * Drops a TCP connection at once: the descriptor is closed for certain, with a reset where the system lets us.
 *
 * `resetAndDestroy` alone isn't that. libuv refuses it (EINVAL) while a shutdown is under way, Node says so in an "error" event and
 * forgets the handle without closing it: the descriptor is lost, and a process with such a handle spins at its exit. `destroy` closes
 * in any state; what the kernel has taken is still delivered then, as after any close. So whoever wants the reset must not begin a
 * shutdown that has to wait for the peer: see `SocketTransport.end`.
 */
export function abort(socket: Socket): void {
  if (socket.destroyed) return;
  const shuttingDown = socket.writableEnded && !socket.writableFinished;
  if (socket.connecting || shuttingDown) socket.destroy();
  else socket.resetAndDestroy();
}
