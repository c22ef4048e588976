import { createRequire } from "node:module";
import type { KoffiFunc, LibraryHandle } from "koffi";

/**
 * The one door to C. koffi is loaded when the first caller asks, so that a speaker without kernel FIB, MD5 or GTSM runs
 * on machines that have no koffi at all. Structures are plain buffers laid out by the caller: koffi's type names would
 * be process-wide.
 */
export interface Libc {
  socket: KoffiFunc<(domain: number, type: number, protocol: number) => number>;
  bind: KoffiFunc<(fd: number, address: Uint8Array, length: number) => number>;
  listen: KoffiFunc<(fd: number, backlog: number) => number>;
  connect: KoffiFunc<(fd: number, address: Uint8Array, length: number) => number>;
  getsockname: KoffiFunc<(fd: number, address: Uint8Array, length: Uint8Array) => number>;
  setsockopt: KoffiFunc<(fd: number, level: number, name: number, value: Uint8Array, length: number) => number>;
  getsockopt: KoffiFunc<(fd: number, level: number, name: number, value: Uint8Array, length: Uint8Array) => number>;
  send: KoffiFunc<(fd: number, bytes: Uint8Array, length: number, flags: number) => number>;
  recv: KoffiFunc<(fd: number, bytes: Uint8Array, length: number, flags: number) => number>;
  poll: KoffiFunc<(entries: Uint8Array, count: number, timeoutMs: number) => number>;
  eventfd: KoffiFunc<(initial: number, flags: number) => number>;
  write: KoffiFunc<(fd: number, bytes: Uint8Array, length: number) => number>;
  close: KoffiFunc<(fd: number) => number>;
  strerror: KoffiFunc<(errno: number) => string>;
  /** Gives free memory back to the system; null where the C library has no such call (musl). */
  mallocTrim: KoffiFunc<(keep: number) => number> | null;
  /** errno of the last call that failed on this thread; read it before anything else. */
  errno(): number;
  /** The address of a buffer's bytes, for structures that hold pointers. Keep the buffer alive while it is in use. */
  address(bytes: Uint8Array): bigint;
}

/** @throws Error with one sentence if koffi or the C library can't be loaded. */
export function loadLibc(): Libc {
  let koffi: typeof import("koffi").default;
  let library: LibraryHandle;
  try {
    koffi = createRequire(import.meta.url)("koffi");
    library = koffi.load(null); // the process itself: glibc or musl, whichever Node was linked with
  } catch (error) {
    throw new Error(`Cannot call the C library: ${error instanceof Error ? error.message : String(error)}`);
  }
  // The caller gives the type, koffi the function: nothing can check that they agree but a test that calls it.
  const declare = <T>(prototype: string): T => library.func(prototype) as unknown as T;
  const perhaps = <T>(prototype: string): T | null => {
    try {
      return declare<T>(prototype);
    } catch {
      return null;
    }
  };
  return {
    socket: declare("int socket(int, int, int)"),
    bind: declare("int bind(int, void *, uint32_t)"),
    listen: declare("int listen(int, int)"),
    connect: declare("int connect(int, void *, uint32_t)"),
    getsockname: declare("int getsockname(int, void *, void *)"),
    setsockopt: declare("int setsockopt(int, int, int, void *, uint32_t)"),
    getsockopt: declare("int getsockopt(int, int, int, void *, void *)"),
    send: declare("int64_t send(int, void *, uint64_t, int)"),
    recv: declare("int64_t recv(int, void *, uint64_t, int)"),
    poll: declare("int poll(void *, uint64_t, int)"),
    eventfd: declare("int eventfd(uint32_t, int)"),
    write: declare("int64_t write(int, void *, uint64_t)"),
    close: declare("int close(int)"),
    strerror: declare("const char *strerror(int)"),
    mallocTrim: perhaps("int malloc_trim(uint64_t)"),
    errno: () => koffi.errno(),
    address: (bytes) => koffi.address(bytes),
  };
}
