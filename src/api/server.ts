import { chmodSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Clock } from "../lib/clock.ts";
import { escapedJson } from "../lib/escape.ts";
import type { Log } from "../lib/log.ts";
import { claimSocketPath, reasonOf, SocketRefused } from "../os/socket-file.ts";
import type { ErrorAnswer, ErrorText } from "../view/model.ts";
import { ControlError, type Slices, type SpeakerControl, type SpeakerView } from "../view/port.ts";
import { BadRequest, NotFound, routeTable } from "./routes.ts";

/**
 * The control API: JSON over HTTP on a unix socket, for the command line and other tools of this machine. Who may open
 * the socket (mode 0660) may ask and tell everything.
 *
 * A long answer is a walk in slices: one slice, then a turn of the loop, and no slice while the client hasn't taken the
 * last one, so that neither a full table nor a client that stops reading holds a session up or costs memory.
 */
export interface ControlServerOptions {
  readonly path: string;
  readonly view: SpeakerView;
  readonly control: SpeakerControl;
  readonly clock: Clock;
  readonly log: Log;
  /** Until then every question is refused: the socket marks that a daemon lives here before it can answer for one. */
  readonly isReady?: () => boolean;
  /** A client that takes nothing for so long is cut off. */
  readonly stallMs?: number;
}

export interface ControlServer {
  readonly path: string;
  /** Ends all connections and removes the socket. */
  close(): Promise<void>;
}

/** Clients at a time; a command line needs one. */
const MAX_CONNECTIONS = 64;
const STARTING = "The daemon is still starting: it says ready when it listens for BGP";
const STALL_MS = 30_000;

/** Listens on the control socket. @throws SocketRefused in one sentence, also if another daemon lives there */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { path, log } = options;
  await claimSocketPath(path);
  const routes = routeTable(options.view, options.control);
  const server = createServer(
    {
      maxHeaderSize: 16 * 1024,
      requestTimeout: 10_000,
      headersTimeout: 10_000,
      keepAliveTimeout: 5000,
      // Who connects and says nothing takes one of few places: the time-outs above hold to a second, not to half a minute.
      connectionsCheckingInterval: 1000,
    },
    (request, response) => void respond(request, response, routes, options),
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(options.stallMs ?? STALL_MS, (socket) => socket.destroy());
  server.on("clientError", (_, socket) => socket.destroy());
  await listen(server, path);
  server.on("error", (error) =>
    log.event("warn", "control-socket-error", `The control socket ${path} has a fault: ${error.message}`, {
      socket: path,
    }),
  );
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The socket is never open to everybody, not even before `chmod`: the mask holds while it is bound. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) =>
      reject(new SocketRefused(`Cannot listen on the control socket ${path}: ${reasonOf(error)}`));
    server.once("error", refuse);
    const mask = process.umask(0o117);
    try {
      server.listen(path, () => {
        server.off("error", refuse);
        try {
          chmodSync(path, 0o660);
          resolve();
        } catch (error) {
          server.close();
          refuse(error as Error);
        }
      });
    } finally {
      process.umask(mask);
    }
  });
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  routes: ReturnType<typeof routeTable>,
  { clock, log, isReady }: ControlServerOptions,
): Promise<void> {
  // Requests have no body; one that comes all the same is thrown away.
  request.resume();
  if (isReady?.() === false) return fail(response, { status: 503, error: { message: STARTING, place: null } });
  try {
    const url = urlOf(request.url ?? "/");
    const [, word = "", ...rest] = decodeURIComponent(url.pathname).split("/");
    const route = Object.hasOwn(routes, word) ? routes[word]! : undefined;
    if (!route) throw new NotFound(`There is nothing at ${url.pathname}`);
    if (route.method !== request.method)
      return fail(response, { status: 405, error: { message: `${word} wants ${route.method}`, place: null } });
    // The work may take long (drain): the client then waits in silence, and that's no stall.
    if (route.method === "POST") request.socket.setTimeout(0);
    const answer = await route.answer({ rest: rest.join("/"), parameters: url.searchParams });
    if ("value" in answer) {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(`${escapedJson(answer.value)}\n`);
    } else await sendList(response, answer, clock);
  } catch (error) {
    const failure = explain(error);
    if (failure.status === 500)
      log.event(
        "error",
        "control-request-failed",
        `A request on the control socket failed: ${(error as Error).message}`,
        {
          request: request.url ?? "",
          stack: (error as Error).stack ?? null,
        },
      );
    // Too late for a status once a list has begun: the client sees it end in the middle.
    if (response.headersSent) response.destroy();
    else fail(response, failure);
  }
}

function urlOf(text: string): URL {
  try {
    return new URL(text, "http://peerage");
  } catch {
    throw new BadRequest("That is no path");
  }
}

interface Failure {
  readonly status: number;
  readonly error: ErrorText;
  readonly errors?: ErrorText[];
}

function explain(error: unknown): Failure {
  const text = (error as Error).message;
  if (error instanceof ControlError) {
    const errors = error.faults.map(({ message, place }) => ({ message, place }));
    if (error.kind === "bad-config") return { status: 422, error: errors[0] ?? { message: text, place: null }, errors };
    return { status: error.kind === "not-found" ? 404 : 409, error: { message: text, place: null } };
  }
  const status = error instanceof NotFound ? 404 : error instanceof BadRequest || error instanceof URIError ? 400 : 500;
  return { status, error: { message: status === 500 ? `The daemon failed to answer: ${text}` : text, place: null } };
}

function fail(response: ServerResponse, { status, error, errors }: Failure): void {
  const answer: ErrorAnswer = errors && errors.length > 0 ? { error, errors } : { error };
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${escapedJson(answer)}\n`);
}

async function sendList(
  response: ServerResponse,
  { list, slices }: { list: string; slices: Slices<object> },
  clock: Clock,
): Promise<void> {
  response.writeHead(200, { "content-type": "application/json" });
  response.write(`{${JSON.stringify(list)}:[`);
  let first = true;
  // Leaving early ends the walk, too: `for...of` calls the iterator's `return`.
  for (const rows of slices) {
    let text = "";
    for (const row of rows) {
      text += `${first ? "" : ","}${escapedJson(row)}`;
      first = false;
    }
    if (text !== "" && !response.write(text)) await drained(response);
    if (response.destroyed) return;
    await new Promise<void>((resolve) => clock.defer(resolve));
  }
  response.end("]}\n");
}

const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    if (response.destroyed) return resolve();
    response.on("drain", done);
    response.on("close", done);
  });
