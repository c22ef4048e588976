import type { IncomingMessage } from "node:http";
import type { Queued } from "./reply.ts";

/** A body that is not taken, in a sentence. */
export class BodyRefused extends Error {
  readonly status: 413 | 503;

  constructor(status: 413 | 503, sentence: string) {
    super(sentence);
    this.status = status;
  }
}

/** Whether a request brings a body (RFC 9112 §6). */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

/** What bodies are held at a time. */
export interface BodyBounds {
  /** Octets of this one. */
  readonly most: number;
  /** Octets of all that are held. */
  readonly mostOfAll: number;
  readonly held: Queued;
}

/**
 * Reads the body of a request and hands it to `use`; its octets are counted in `held` until that has resolved.
 * @throws BodyRefused, before anything is read if the request says how long it is; whatever `use` throws
 */
export async function withBody<T>(
  request: IncomingMessage,
  { most, mostOfAll, held }: BodyBounds,
  use: (body: Buffer) => Promise<T>,
): Promise<T> {
  const tooLong = () => new BodyRefused(413, `The body of a request may have ${most} octets at most`);
  if (Number(request.headers["content-length"] ?? 0) > most) throw tooLong();
  let octets = 0;
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) {
      octets += chunk.length;
      held.octets += chunk.length;
      if (octets > most) throw tooLong();
      if (held.octets > mostOfAll)
        throw new BodyRefused(503, "The daemon holds too much of other requests already: try again");
      chunks.push(chunk);
    }
    return await use(Buffer.concat(chunks, octets));
  } finally {
    held.octets -= octets;
  }
}
