import { parentPort } from "node:worker_threads";
import type { FromThread, ToThread } from "./bfd/port.ts";
import { SessionTable } from "./bfd/session-table.ts";
import { systemClock } from "./lib/clock.ts";
import { systemRandom } from "./lib/random.ts";
import { BfdSockets, isConnected } from "./os/bfd-sockets.ts";
import { loadLibc } from "./os/libc.ts";

/**
 * BFD as a thread of its own: its packets wait for no table, policy or collection of garbage of the speaker's. It shares the
 * process's fate, and says so (C bit 0, RFC 5882 §4.3): a speaker that dies takes it along.
 */
const parent = parentPort!;
const tell = (message: FromThread): void => parent.postMessage(message);

/** Dropped packets are told at most so often, and only when there are more. */
const DROPPED_MS = 1000;

const said = new Set<string>();
/** Once for each sentence; not more of them than there are neighbors worth reading of. */
const trouble = (text: string): void => {
  if (said.has(text) || said.size >= 1000) return;
  said.add(text);
  tell({ type: "trouble", text });
};

let droppedTimer: NodeJS.Timeout | null = null;
const sockets = new BfdSockets({
  libc: loadLibc(),
  trouble,
  received(from, multihop, bytes) {
    const before = table.droppedInAll;
    table.receive(from, multihop, bytes);
    if (table.droppedInAll === before || droppedTimer !== null) return;
    droppedTimer = setTimeout(() => {
      droppedTimer = null;
      tell({ type: "dropped", counts: table.dropped });
    }, DROPPED_MS);
  },
});
const table = new SessionTable({
  clock: systemClock,
  random: systemRandom,
  isConnected,
  send: (path, packet) => sockets.send(path, packet),
  onChange: (address, status) => tell({ type: "status", address, status }),
});

parent.on("message", (message: ToThread) => {
  if (message.type === "set") table.set(message.address, message.neighbor);
  else if (message.type === "remove") {
    table.remove(message.address);
    sockets.forget(message.address);
  } else {
    table.close();
    sockets.close();
    if (droppedTimer !== null) clearTimeout(droppedTimer);
    tell({ type: "closed" });
    parent.close();
  }
});
