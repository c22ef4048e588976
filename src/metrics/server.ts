import type { IncomingMessage } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { hostname } from "node:os";
import type { HttpBounds } from "../http/bounds.ts";
import { namesOfHost } from "../http/host.ts";
import type { Reply } from "../http/reply.ts";
import { HttpServer } from "../http/server.ts";
import { Turns } from "../http/turns.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { systemReason } from "../lib/system-errors.ts";
import type { Readiness } from "../view/model.ts";
import { healthAt } from "./health.ts";
import type { Scraper } from "./scraper.ts";

/** Where the metrics can't be served, in one sentence. */
export class MetricsRefused extends Error {}

export interface MetricsServer {
  /** The port that is listened on, also when 0 asked for any. */
  readonly port: number;
  close(): Promise<void>;
}

/** Scrapers are few, and need little: a head, no body, and one text that is the same for all. */
const BOUNDS: Partial<HttpBounds> = {
  connections: 32,
  requests: 16,
  requestsPerAddress: 8,
  headOctets: 8192,
  stallMs: 10_000,
};
/** A text is made at most this often: more scrapers cost no more. */
const FRESH_MS = 500;

export interface MetricsServerOptions {
  readonly metrics: Scraper;
  readonly readiness: () => Readiness;
  readonly listen: { readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly log: Log;
  /** Names besides the host's own under which scrapers ask; read at each request. */
  readonly hosts?: () => readonly string[];
  /** The turns that long answers take, where other servers answer in the same process. */
  readonly turns?: Turns;
  readonly bounds?: Partial<HttpBounds>;
}

/**
 * Serves `GET /metrics`, `/healthz` and `/readyz`. The text of the metrics is made once for all who ask within half a second: a scraper that reads slowly holds that
 * text and nothing else, and is cut off in the end. What else one may cost is bounded as for every server (http/server.ts).
 * @throws MetricsRefused
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { metrics, readiness, listen, clock, log, bounds, hosts } = options;
  const turns = options.turns ?? new Turns(clock);
  let text: Promise<Buffer> | null = null;
  const make = async (): Promise<Buffer> => {
    try {
      return await metrics.text(() => turns.next());
    } finally {
      clock.setTimer(FRESH_MS, () => {
        text = null;
      });
    }
  };
  const fresh = (): Promise<Buffer> => {
    text ??= make();
    return text;
  };
  const names = namesOfHost(hostname());
  const server = new HttpServer({
    clock,
    turns,
    bounds: { ...BOUNDS, ...bounds },
    hostNames: () => [...names, ...(hosts?.() ?? [])],
    refusal: (sentence) => ({ type: "text/plain", text: `${sentence}\n` }),
    failed: ({ message }) => log.event("error", "metrics-request-failed", `A scrape failed: ${message}`),
    answer: (request, reply) => respond(request, reply, readiness, metrics.contentType, fresh),
  });
  await listening(server.listener, listen);
  server.listener.on("error", () => {});
  return { port: (server.listener.address() as AddressInfo).port, close: () => server.close() };
}

async function respond(
  request: IncomingMessage,
  reply: Reply,
  readiness: () => Readiness,
  contentType: string,
  fresh: () => Promise<Buffer>,
): Promise<void> {
  request.resume();
  const path = (request.url ?? "/").split("?")[0];
  if (request.method !== "GET" && request.method !== "HEAD") return reply.whole(405, "text/plain", "GET only\n");
  const links = ["metrics", "healthz", "readyz"].map((name) => `<a href="/${name}">${name}</a>\n`).join("");
  if (path === "/") return reply.whole(200, "text/html", links);
  const health = healthAt(path, readiness);
  if (health !== null) return reply.whole(health.status, "text/plain", health.text);
  if (path !== "/metrics") return reply.whole(404, "text/plain", "There are /metrics, /healthz and /readyz here\n");
  return reply.whole(200, contentType, await fresh());
}

function listening(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => {
      const where = `${host === "" ? "all addresses" : host} port ${port}`;
      reject(new MetricsRefused(`Cannot serve metrics on ${where}: ${systemReason(error)}`));
    };
    server.once("error", refuse);
    server.listen({ ...(host === "" ? {} : { host }), port }, () => {
      server.off("error", refuse);
      resolve();
    });
  });
}
