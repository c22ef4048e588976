import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";
import type { Clock } from "../lib/clock.ts";

/** Where the metrics can't be served, in one sentence. */
export class MetricsRefused extends Error {}

export interface MetricsServer {
  /** The port that is listened on, also when 0 asked for any. */
  readonly port: number;
  close(): Promise<void>;
}

/** Scrapers at a time. */
const MAX_CONNECTIONS = 16;
/** A text is made at most this often: more scrapers cost no more. */
const FRESH_MS = 500;
/** A scraper that reads nothing for so long is cut off. */
const STALL_MS = 10_000;

/**
 * Serves `GET /metrics`. The text is made in one piece and handed to the socket: a scraper that reads slowly holds that
 * text and nothing else, and is cut off in the end. @throws MetricsRefused
 */
export async function startMetricsServer(
  registry: Registry,
  listen: { readonly host: string; readonly port: number },
  clock: Clock,
): Promise<MetricsServer> {
  let text: Promise<string> | null = null;
  let madeAt = 0;
  const fresh = (): Promise<string> => {
    if (text === null || clock.now() - madeAt > FRESH_MS) {
      madeAt = clock.now();
      text = registry.metrics();
    }
    return text;
  };
  const server = createServer(
    { maxHeaderSize: 8192, requestTimeout: 10_000, headersTimeout: 10_000 },
    (request, response) => void respond(request, response, registry.contentType, fresh),
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(STALL_MS, (socket) => socket.destroy());
  server.on("clientError", (_, socket) => socket.destroy());
  await listening(server, listen);
  server.on("error", () => {});
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  contentType: string,
  fresh: () => Promise<string>,
): Promise<void> {
  request.resume();
  const path = (request.url ?? "/").split("?")[0];
  const answer = (status: number, type: string, text: string) => {
    response.writeHead(status, { "content-type": type });
    response.end(request.method === "HEAD" ? "" : text);
  };
  if (request.method !== "GET" && request.method !== "HEAD") return answer(405, "text/plain", "GET only\n");
  if (path === "/") return answer(200, "text/html", '<a href="/metrics">metrics</a>\n');
  if (path !== "/metrics") return answer(404, "text/plain", "There is /metrics here\n");
  try {
    answer(200, contentType, await fresh());
  } catch (error) {
    answer(500, "text/plain", `${(error as Error).message}\n`);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "somebody else listens there",
  EADDRNOTAVAIL: "this host has no such address",
  EACCES: "permission denied",
};

function listening(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => {
      const where = `${host === "" ? "all addresses" : host} port ${port}`;
      reject(new MetricsRefused(`Cannot serve metrics on ${where}: ${reasons[error.code ?? ""] ?? error.message}`));
    };
    server.once("error", refuse);
    server.listen({ ...(host === "" ? {} : { host }), port }, () => {
      server.off("error", refuse);
      resolve();
    });
  });
}
