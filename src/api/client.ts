import { type IncomingMessage, request } from "node:http";
import type { ErrorAnswer, ErrorText } from "../view/model.ts";

type Parameters = Readonly<Record<string, string>>;

/** A request that the daemon refused, or that never reached it. */
export class ApiError extends Error {
  /** HTTP status; 0: the daemon wasn't reached or broke off. */
  readonly status: number;
  readonly errors: readonly ErrorText[];
  /** The system's name of why the daemon wasn't reached; empty otherwise. */
  readonly code: string;

  constructor(status: number, errors: readonly ErrorText[], code = "") {
    super(errors[0]?.message ?? "The daemon refused");
    this.status = status;
    this.errors = errors;
    this.code = code;
  }
}

/** Speaks to a daemon over its control socket. */
export class ControlClient {
  readonly #socket: string;
  readonly #timeoutMs: number;

  /** @param timeoutMs how long the daemon may be silent */
  constructor(socket: string, timeoutMs = 30_000) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws ApiError */
  async get<T>(path: string, parameters: Parameters = {}): Promise<T> {
    return JSON.parse(await this.#collect(await this.#request("GET", path, parameters, this.#timeoutMs))) as T;
  }

  /** @param timeoutMs how long the work may take; 0: for ever. @throws ApiError */
  async post<T>(path: string, parameters: Parameters = {}, timeoutMs = this.#timeoutMs): Promise<T> {
    return JSON.parse(await this.#collect(await this.#request("POST", path, parameters, timeoutMs))) as T;
  }

  /** Sends JSON and waits for as long as the work takes. @throws ApiError */
  async send<T>(path: string, body: object): Promise<T> {
    return JSON.parse(await this.#collect(await this.#request("POST", path, {}, 0, JSON.stringify(body)))) as T;
  }

  /** The answer as it comes, for output that is passed on; `take` is awaited before more is read. @throws ApiError */
  async stream(path: string, parameters: Parameters, take: (chunk: Buffer) => Promise<void>): Promise<void> {
    for await (const chunk of await this.open(path, parameters)) await take(chunk);
  }

  /** The same for whoever pulls. @throws ApiError also while it is read */
  async open(path: string, parameters: Parameters): Promise<AsyncGenerator<Buffer, void>> {
    const response = await this.#request("GET", path, parameters, this.#timeoutMs);
    const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const unreachable = (error: NodeJS.ErrnoException) => this.#unreachable(error);
    return (async function* () {
      try {
        for (;;) {
          // Only reading can fail because of the daemon; what the taker throws is its own.
          const { done, value } = await chunks.next().catch((error) => {
            throw unreachable(error);
          });
          if (done) return;
          yield value;
        }
      } finally {
        response.destroy();
      }
    })();
  }

  async #collect(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response) chunks.push(chunk as Buffer);
    } catch (error) {
      throw this.#unreachable(error as NodeJS.ErrnoException);
    }
    return Buffer.concat(chunks).toString();
  }

  #request(method: string, path: string, parameters: Parameters, timeout: number, body = ""): Promise<IncomingMessage> {
    const query = new URLSearchParams(parameters).toString();
    const target = query === "" ? path : `${path}?${query}`;
    return new Promise((resolve, reject) => {
      const sent = request({ socketPath: this.#socket, method, path: target, agent: false, timeout }, (response) => {
        if (response.statusCode === 200) resolve(response);
        else this.#collect(response).then((text) => reject(refusal(response.statusCode ?? 0, text)), reject);
      });
      sent.on("timeout", () => sent.destroy(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })));
      sent.on("error", (error) => reject(this.#unreachable(error)));
      sent.end(body);
    });
  }

  #unreachable(error: NodeJS.ErrnoException): ApiError {
    const at = this.#socket;
    const known: Readonly<Record<string, string>> = {
      ENOENT: `No daemon to ask: there is no socket ${at} (--socket or $PEERAGE_SOCKET names another)`,
      ECONNREFUSED: `No daemon to ask: the one that made ${at} is gone`,
      ENOTSOCK: `Cannot ask ${at}: it is no socket`,
      EACCES: `You may not open ${at}: it is for root and the socket's group`,
      ECONNRESET: `The daemon on ${at} broke off its answer`,
      EPIPE: `The daemon on ${at} broke off its answer`,
      ETIMEDOUT: `The daemon on ${at} does not answer`,
    };
    const message = known[error.code ?? ""] ?? `Cannot ask the daemon on ${at}: ${error.message}`;
    return new ApiError(0, [{ message, place: null }], error.code);
  }
}

function refusal(status: number, text: string): ApiError {
  try {
    const answer = JSON.parse(text) as ErrorAnswer;
    return new ApiError(status, answer.errors ?? [answer.error]);
  } catch {
    return new ApiError(status, [{ message: `The daemon answered with status ${status}`, place: null }]);
  }
}
