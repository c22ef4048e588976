import { lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { systemReason } from "../lib/system-errors.ts";

/** sun_path of unix(7), less its final zero. */
const MAX_PATH_OCTETS = 107;

/** Why a socket can't be had, in one sentence. */
export class SocketRefused extends Error {}

/**
 * Makes `path` free for a socket of ours, the control socket or `what` it is: its directory exists, and what a dead daemon left behind is removed. A socket
 * that somebody answers on belongs to a living daemon, and anything that is no socket to somebody else.
 * @throws SocketRefused
 */
export async function claimSocketPath(path: string, what = "control socket"): Promise<void> {
  // libuv would cut a longer one without a word, and listen somewhere else.
  if (Buffer.byteLength(path) > MAX_PATH_OCTETS)
    throw new SocketRefused(`Cannot use the ${what} ${path}: its path is longer than ${MAX_PATH_OCTETS} octets`);
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (error) {
    throw new SocketRefused(`Cannot make the directory of the ${what} ${path}: ${reasonOf(error)}`);
  }
  let isSocket: boolean;
  try {
    isSocket = lstatSync(path).isSocket();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new SocketRefused(`Cannot use the ${what} ${path}: ${reasonOf(error)}`);
  }
  if (!isSocket) throw new SocketRefused(`Cannot use the ${what} ${path}: something that is no socket is there`);
  if (await isAnswered(path))
    throw new SocketRefused(
      what === "control socket"
        ? `Another daemon is running: it answers on ${path} (control.socket chooses another path)`
        : `Somebody answers on the ${what} ${path} already`,
    );
  try {
    unlinkSync(path);
  } catch (error) {
    throw new SocketRefused(`Cannot replace the stale ${what} ${path}: ${reasonOf(error)}`);
  }
}

/** Whether somebody accepts connections; one that may not be asked (EACCES) or is busy (EAGAIN) lives, too. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.on("connect", () => done(true));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      done(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"),
    );
  });
}

/** What it means of a socket that is put into the file system. */
const placing: Readonly<Record<string, string>> = {
  EPERM: "permission denied",
  EEXIST: "a part of the path is no directory",
  EADDRINUSE: "somebody else has just taken it",
};

/** Why a socket's file couldn't be made or taken away, in words. */
export const reasonOf = (error: unknown): string => systemReason(error, placing);
