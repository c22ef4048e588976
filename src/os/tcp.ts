import { createServer, type Server, Socket, type SocketConstructorOpts } from "node:net";
import {
  type Dial,
  type DialOptions,
  type DialReceiver,
  ListenError,
  type Listener,
  type ListenOptions,
  type Network,
  SocketOptionError,
} from "../session/transport.ts";
import { type Libc, loadLibc } from "./libc.ts";
import { ipVersionOf, needsOwnSocket, openSocket, setMd5Key, setNumber, setOptions } from "./socket-options.ts";
import { fileDescriptor, reasonOf, SocketTransport, type TransportHome } from "./tcp-transport.ts";

/**
 * BGP's sockets: the session room's `Network` by `node:net`. Node does the work; the C library is asked only for what Node has no
 * name for (`socket-options.ts`), and loaded when the first such option is wanted. A dial with such options starts from a
 * socket of our own making, as TTL and MD5 key must hold for the very first packet; an accepted connection inherits its key
 * from the listening socket and gets the rest before anything is read.
 */
export class TcpNetwork implements Network, TransportHome {
  #libc: Libc | null = null;
  readonly #ending = new Set<SocketTransport>();
  #drained: (() => void)[] = [];
  /** Connections that hold a descriptor, and the most that were up at a time. */
  #open = 0;
  #mostUp = 0;
  readonly lingerMs: number;

  /** @param lingerMs how long a connection that we ended waits for the peer to read our last word and to close, too. */
  constructor(lingerMs = 5_000) {
    this.lingerMs = lingerMs;
  }

  /** The C library, loaded on first use. @throws SocketOptionError */
  libc(): Libc {
    try {
      this.#libc ??= loadLibc();
    } catch (error) {
      throw new SocketOptionError(`${(error as Error).message} (TTL, GTSM and TCP MD5 need it).`);
    }
    return this.#libc;
  }

  connect(options: DialOptions, receiver: DialReceiver): Dial {
    let socket: Socket;
    try {
      socket = this.#socketFor(options);
    } catch (error) {
      const timer = setImmediate(() => receiver.failed(reasonOf(error as Error)));
      return { cancel: () => clearImmediate(timer) };
    }
    const failed = (error: Error) => {
      socket.destroy();
      receiver.failed(dialReason(error, options));
    };
    socket.once("error", failed);
    socket.once("connect", () => {
      socket.removeListener("error", failed);
      const transport = new SocketTransport(socket, this);
      try {
        if (options.tos !== undefined) transport.configure({ tos: options.tos });
      } catch {
        // best effort
      }
      receiver.connected(transport);
    });
    socket.connect({
      host: options.remoteAddress,
      port: options.remotePort,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    });
    return {
      cancel() {
        socket.removeAllListeners("connect");
        socket.removeListener("error", failed);
        socket.on("error", () => {});
        socket.destroy();
      },
    };
  }

  #socketFor(options: DialOptions): Socket {
    const common = { allowHalfOpen: true };
    let socket: Socket;
    if (needsOwnSocket(options)) {
      const libc = this.libc();
      const fd = openSocket(libc, ipVersionOf(options.remoteAddress));
      try {
        setOptions(libc, fd, options.remoteAddress, options);
      } catch (error) {
        libc.close(fd);
        throw error;
      }
      // manualStart: don't read from a socket that isn't connected yet (undocumented, as old as Node's own use of it).
      const adopt = { ...common, fd, readable: true, writable: true, manualStart: true };
      socket = new Socket(adopt as SocketConstructorOpts);
    } else socket = new Socket(common);
    socket.setNoDelay(true);
    return socket;
  }

  async listen(options: ListenOptions): Promise<Listener> {
    const servers: Server[] = [];
    const absent: string[] = [];
    let missing: ListenError | null = null;
    for (const address of options.addresses) {
      try {
        servers.push(await this.#listenOn(address, options));
      } catch (error) {
        if (error instanceof AddressAbsent) {
          absent.push(address);
          options.trouble?.(`${error.message.slice(0, -1)}; it is listened on as soon as it is there.`);
          continue;
        }
        if (error instanceof FamilyMissing) {
          missing = error;
          options.trouble?.(error.message);
          continue;
        }
        for (const server of servers) server.close();
        throw error;
      }
    }
    if (missing !== null && servers.length === 0 && absent.length === 0) throw missing;
    return this.#listener(servers, absent, options);
  }

  #listenOn(address: string, options: ListenOptions): Promise<Server> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.on("connection", (socket) => {
      // Reset while it waited to be accepted: nobody knows any more who it was.
      if (socket.remoteAddress === undefined) socket.destroy();
      else options.accepted(new SocketTransport(socket, this));
    });
    return new Promise((resolve, reject) => {
      server.once("error", (error) => reject(listenError(address, options.port, error)));
      server.listen({ host: address, port: options.port, ipv6Only: true, backlog: 4096 }, () => {
        server.removeAllListeners("error");
        server.on("error", troubleshooter(options));
        try {
          if (options.ttl !== undefined)
            setNumber(this.libc(), fileDescriptor(server), ipVersionOf(address), "ttl", options.ttl);
        } catch (error) {
          server.close();
          reject(error);
          return;
        }
        resolve(server);
      });
    });
  }

  #listener(servers: Server[], absent: readonly string[], options: ListenOptions): Listener {
    const endpoints = servers.map(endpointOf);
    const keys = new Map<string, Uint8Array | null>();
    let { ttl = null }: { ttl?: number | null | undefined } = options;
    const setKey = (index: number, prefix: string, key: Uint8Array | null) => {
      if (ipVersionOf(endpoints[index]!.address) === ipVersionOf(prefix))
        setMd5Key(this.libc(), fileDescriptor(servers[index]!), prefix, key);
    };
    const waiting = absent.map((address) =>
      this.#whenThere(
        address,
        () => ({ ...options, ttl: ttl ?? undefined }),
        (server) => {
          endpoints.push(endpointOf(server));
          const index = servers.push(server) - 1;
          for (const [prefix, key] of keys)
            try {
              setKey(index, prefix, key);
            } catch (error) {
              options.trouble?.((error as Error).message); // costs its own peer only
            }
        },
      ),
    );
    return {
      endpoints,
      setMd5Key: (prefix, key) => {
        if (key === null) keys.delete(prefix);
        else keys.set(prefix, key);
        for (const index of servers.keys()) setKey(index, prefix, key);
      },
      setTtl: (wanted) => {
        ttl = wanted;
        for (const [i, server] of servers.entries())
          setNumber(
            this.libc(),
            fileDescriptor(server),
            ipVersionOf(endpoints[i]!.address),
            "ttl",
            wanted ?? SYSTEM_DEFAULT,
          );
      },
      // Not when the connections are over, which `close` of Node waits for, but when nothing listens any more.
      close: () =>
        new Promise((resolve) => {
          for (const cancel of waiting) cancel();
          for (const server of servers) server.close();
          setImmediate(resolve);
        }),
    };
  }

  /**
   * Listens on an address once the host has it: one that DHCP or duplicate address detection has yet to give, or that another host
   * holds now. Returns how to stop waiting.
   */
  #whenThere(address: string, options: () => ListenOptions, there: (server: Server) => void): () => void {
    let cancelled = false;
    let said = "";
    const attempt = async () => {
      try {
        const server = await this.#listenOn(address, options());
        if (cancelled) return void server.close();
        there(server);
        options().trouble?.(`Listening on ${address} port ${endpointOf(server).port} now: the address is there.`);
      } catch (error) {
        const { message } = error as Error;
        if (!(error instanceof AddressAbsent) && message !== said) {
          said = message;
          options().trouble?.(message);
        }
        if (!cancelled) timer = setTimeout(attempt, ABSENT_RETRY_MS).unref();
      }
    };
    let timer = setTimeout(attempt, ABSENT_RETRY_MS).unref();
    return () => {
      cancelled = true;
      clearTimeout(timer);
    };
  }

  /** Resolves when no connection is ending any more: our last words have been read, or given up. */
  drained(): Promise<void> {
    if (this.#ending.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  opened(): void {
    this.#open++;
    this.#mostUp = Math.max(this.#mostUp, this.#open - this.#ending.size);
  }

  /**
   * Somebody who connects again and again has as many connections that end as descriptors last: the oldest waits no longer. When
   * thousands of sessions end at once, on the other hand, they hold no descriptor that they didn't hold before, and the last word to
   * each is waited for.
   */
  ending(transport: SocketTransport): void {
    this.#ending.add(transport);
    const [oldest] = this.#ending;
    if (oldest === undefined || this.#open <= this.#mostUp + MOST_ENDING) return;
    this.#ending.delete(oldest);
    oldest.destroy();
  }

  gone(transport: SocketTransport): void {
    this.#open--;
    if (!this.#ending.delete(transport) || this.#ending.size > 0) return;
    const waiting = this.#drained;
    this.#drained = [];
    for (const resolve of waiting) resolve();
  }
}

/** Connections of which we wait for the other side's end, beyond as many as were ever up at a time. */
const MOST_ENDING = 256;

/** Why a dial failed: by the address or the interface that isn't there, where it's for that. */
function dialReason(error: NodeJS.ErrnoException, { remoteAddress, localAddress }: DialOptions): string {
  if (error.code === "EADDRNOTAVAIL" && localAddress !== undefined) return `no such local address ${localAddress}`;
  const [, zone] = remoteAddress.split("%");
  if (error.code === "EINVAL" && zone !== undefined)
    return `${remoteAddress} can't be dialled: this host has no interface ${zone}`;
  return reasonOf(error);
}

/** How often an address that the host doesn't have is tried. */
const ABSENT_RETRY_MS = 1000;

/** As a TTL: whatever the system says. */
const SYSTEM_DEFAULT = -1;

/** This host has no IPv6 (or no IPv4): a word of warning where another address works. */
class FamilyMissing extends ListenError {}

/** The host doesn't have the address, now. */
class AddressAbsent extends ListenError {}

const endpointOf = (server: Server): { readonly address: string; readonly port: number } =>
  server.address() as { address: string; port: number };

function listenError(address: string, port: number, error: NodeJS.ErrnoException): ListenError {
  const where = `Cannot listen on ${address} port ${port}`;
  switch (error.code) {
    case "EADDRINUSE":
      return new ListenError(`${where}: the port is in use by another program.`);
    case "EACCES":
    case "EPERM":
      return new ListenError(`${where}: not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE.`);
    case "EADDRNOTAVAIL":
      if (address === "::") return new FamilyMissing(`${where}: this host has no IPv6.`);
      return new AddressAbsent(`${where}: it is not an address of this host.`);
    case "EAFNOSUPPORT":
      return new FamilyMissing(`${where}: this host has no ${ipVersionOf(address) === 6 ? "IPv6" : "IPv4"}.`);
    default:
      return new ListenError(`${where}: ${error.message}.`);
  }
}

/**
 * Errors of `accept`, told at most once a second. Out of file descriptors there is mostly none: libuv takes each connection that
 * waits with a descriptor that it keeps in reserve and closes it, so that nothing spins and nobody waits in vain.
 */
function troubleshooter(options: ListenOptions): (error: NodeJS.ErrnoException) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (error) => {
    const now = performance.now();
    if (now - saidAt < 1_000) return;
    saidAt = now;
    options.trouble?.(`Cannot accept a connection on port ${options.port}: ${reasonOf(error)}.`);
  };
}
