import { chmodSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import type { Server } from "node:net";
import { BodyRefused, hasBody, withBody } from "../http/body.ts";
import { defaultBounds, type HttpBounds } from "../http/bounds.ts";
import type { Queued, Reply } from "../http/reply.ts";
import { HttpServer } from "../http/server.ts";
import type { Turns } from "../http/turns.ts";
import type { Clock } from "../lib/clock.ts";
import { escapedJson } from "../lib/escape.ts";
import type { Log } from "../lib/log.ts";
import { claimSocketPath, reasonOf, SocketRefused } from "../os/socket-file.ts";
import type { ErrorAnswer, ErrorText } from "../view/model.ts";
import { ControlError, type SpeakerControl, type SpeakerView } from "../view/view-port.ts";
import { JSON_TYPE, made, sendList } from "./long-answer.ts";
import { BadRequest, NotFound, routeTable } from "./routes.ts";

/**
 * The control API: JSON over HTTP on a unix socket, for the command line and other tools of this machine. Who may open
 * the socket (mode 0660) may ask and tell everything.
 *
 * A long answer is a walk in slices: one slice, then a turn of the loop, and no slice while the client hasn't taken the
 * last one, so that neither a full table nor a client that stops reading holds a session up or costs memory. How much may
 * be asked at a time is bounded as for every server (http/server.ts).
 */
export interface ControlServerOptions {
  readonly path: string;
  readonly view: SpeakerView;
  readonly control: SpeakerControl;
  readonly clock: Clock;
  readonly log: Log;
  /** The turns that long answers take, where other servers answer in the same process. */
  readonly turns?: Turns;
  /** Until then every question is refused: the socket marks that a daemon lives here before it can answer for one. */
  readonly isReady?: () => boolean;
  readonly bounds?: Partial<HttpBounds>;
}

export interface ControlServer {
  readonly path: string;
  /** From now on every question is refused with this sentence, and answers under way are cut off; changes go on. */
  refuse(sentence: string): void;
  /** Ends all connections and removes the socket. */
  close(): Promise<void>;
}

/** Octets of a request's body. */
const MOST_BODY = 16 << 20;

const STARTING = "The daemon is still starting: it says ready when it listens for BGP";

/** Listens on the control socket. @throws SocketRefused in one sentence, also if another daemon lives there */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { path, log, clock, turns, bounds } = options;
  await claimSocketPath(path);
  const routes = routeTable(options.view, options.control);
  const bodies: Queued = { octets: 0 };
  const mostOfAll = bounds?.bodyOctets ?? defaultBounds.bodyOctets;
  let refusing: string | null = null;
  const server = new HttpServer({
    clock,
    ...(turns && { turns }),
    ...(bounds && { bounds }),
    hostNames: null,
    refusal: (message) => ({ type: JSON_TYPE, text: failureText({ error: { message, place: null } }) }),
    failed: (error, request) => logFailure(log, error, request),
    answer: (request, reply) => {
      const sentence = refusing ?? (options.isReady?.() === false ? STARTING : null);
      if (sentence !== null) return fail(reply, { status: 503, error: { message: sentence, place: null } });
      const readBody: ReadBody = (use) => withBody(request, { most: MOST_BODY, mostOfAll, held: bodies }, use);
      return respond(request, reply, routes, log, readBody, (reply) => server.makeLong(reply));
    },
  });
  await listen(server.listener, path);
  server.listener.on("error", (error) =>
    log.event("warn", "control-socket-error", `The control socket ${path} has a fault: ${error.message}`, {
      socket: path,
    }),
  );
  return {
    path,
    refuse: (sentence) => {
      refusing = sentence;
      server.cut(({ method }) => method === "GET");
    },
    close: () => server.close(),
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

type ReadBody = <T>(use: (body: Uint8Array) => Promise<T>) => Promise<T>;

async function respond(
  request: IncomingMessage,
  reply: Reply,
  routes: ReturnType<typeof routeTable>,
  log: Log,
  readBody: ReadBody,
  makeLong: (reply: Reply) => Promise<boolean>,
): Promise<void> {
  try {
    const url = urlOf(request.url ?? "/");
    const [, word = "", ...rest] = decodeURIComponent(url.pathname).split("/");
    const route = Object.hasOwn(routes, word) ? routes[word]! : undefined;
    // What comes all the same ends with the connection.
    if (hasBody(request) && route?.takesBody !== true) {
      const error = { message: "The request has a body, and nothing takes one there", place: null };
      return await fail(reply, { status: 413, error }, { connection: "close" });
    }
    if (!route) throw new NotFound(`There is nothing at ${url.pathname}`);
    if (route.method !== request.method)
      return await fail(reply, { status: 405, error: { message: `${word} wants ${route.method}`, place: null } });
    const asked = { rest: rest.join("/"), parameters: url.searchParams };
    const answer = await (route.takesBody === true
      ? readBody(async (body) => route.answer({ ...asked, body }))
      : route.answer({ ...asked, body: NOTHING }));
    if ("list" in answer) {
      if (!answer.isTable || (await makeLong(reply))) await sendList(reply, answer);
      return;
    }
    const value = "making" in answer ? await made(reply, answer.making) : answer.value;
    if (value !== null) await reply.whole(200, JSON_TYPE, `${escapedJson(value)}\n`);
  } catch (error) {
    const failure = explain(error);
    // Not all of the body was read: what is left of it must not be taken for the next request.
    const headers = error instanceof BodyRefused ? { connection: "close" } : {};
    if (failure.status === 500) logFailure(log, error as Error, request);
    // Too late for a status once a list has begun: the client sees it end in the middle.
    if (reply.begun) reply.cut();
    else await fail(reply, failure, headers);
  }
}

function logFailure(log: Log, { message, stack }: Error, request: IncomingMessage): void {
  log.event("error", "control-request-failed", `A request on the control socket failed: ${message}`, {
    request: request.url ?? "",
    stack: stack ?? null,
  });
}

const NOTHING = new Uint8Array();

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
    const status = { "not-found": 404, "bad-request": 400, failed: 409 }[error.kind];
    return { status, error: { message: text, place: null } };
  }
  if (error instanceof BodyRefused) return { status: error.status, error: { message: text, place: null } };
  const status = error instanceof NotFound ? 404 : error instanceof BadRequest || error instanceof URIError ? 400 : 500;
  return { status, error: { message: status === 500 ? `The daemon failed to answer: ${text}` : text, place: null } };
}

const fail = (reply: Reply, failure: Failure, headers: Readonly<Record<string, string>> = {}): Promise<void> =>
  reply.whole(failure.status, JSON_TYPE, failureText(failure), headers);

function failureText({ error, errors }: Pick<Failure, "error" | "errors">): string {
  const answer: ErrorAnswer = errors && errors.length > 0 ? { error, errors } : { error };
  return `${escapedJson(answer)}\n`;
}
