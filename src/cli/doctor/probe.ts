import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";

/** What the checks may look at: this host, or one that a test makes up. */
export interface HostProbe {
  /** Text of a file of /proc or /sys, trimmed; undefined if there's none or it may not be read. */
  text(path: string): string | undefined;
  /** Names in a directory; empty if there's none. */
  list(path: string): readonly string[];
  /** Binds a TCP port for a moment; the error's code, or undefined if it went well. */
  tryListen(address: string, port: number): Promise<string | undefined>;
  /** All addresses of the host, canonical text. */
  addresses(): readonly string[];
  readonly nodeVersion: string;
  readonly superuser: boolean;
  /** Milliseconds since 1970. */
  wallTime(): number;
  /** Resolves after so long. */
  pause(ms: number): Promise<void>;
}

export function thisProbe(): HostProbe {
  return {
    text: (path) => {
      try {
        return readFileSync(path, "utf8").trim();
      } catch {
        return undefined;
      }
    },
    list: (path) => {
      try {
        return readdirSync(path);
      } catch {
        return [];
      }
    },
    tryListen: (host, port) =>
      new Promise((resolve) => {
        const server = createServer();
        server.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        server.listen({ host, port, ipv6Only: true, exclusive: true }, () => server.close(() => resolve(undefined)));
      }),
    addresses: () => Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((entry) => entry.address)),
    nodeVersion: process.versions.node,
    superuser: process.getuid?.() === 0,
    wallTime: Date.now,
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}

/** Outcome of one check: a sentence, and what to do about it. */
export interface Finding {
  readonly name: string;
  readonly status: "ok" | "warn" | "fail";
  readonly text: string;
  readonly remedy: string | null;
}

export const ok = (name: string, text: string): Finding => ({ name, status: "ok", text, remedy: null });
export const warn = (name: string, text: string, remedy: string): Finding => ({ name, status: "warn", text, remedy });
export const fail = (name: string, text: string, remedy: string): Finding => ({ name, status: "fail", text, remedy });
