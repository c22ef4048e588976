/** What the system's error codes say where nothing more is known about what was tried. */
const words: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "not permitted",
  ENOENT: "there is no such file",
  ENOTDIR: "a part of the path is no directory",
  EISDIR: "it is a directory",
  ELOOP: "its symbolic links lead nowhere",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  ERR_INVALID_ARG_VALUE: "no file has such a name",
  EMFILE: "out of file descriptors",
  ENFILE: "the system is out of file descriptors",
  EADDRINUSE: "somebody else listens there",
  EADDRNOTAVAIL: "this host has no such address",
  EAFNOSUPPORT: "this host lacks the address family",
  EINVAL: "the system refused the address",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  ECONNABORTED: "connection aborted",
  EPIPE: "connection closed by peer",
  ETIMEDOUT: "connection timed out",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ENETDOWN: "network is down",
};

/**
 * Why the system refused something, as a sentence part: "permission denied"; its own text for codes that have no words here.
 * @param here what some codes mean for what was tried, where that is more than the general words.
 */
export function systemReason(error: unknown, here: Readonly<Record<string, string>> = {}): string {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return here[code] ?? words[code] ?? (error instanceof Error ? error.message : String(error));
}
