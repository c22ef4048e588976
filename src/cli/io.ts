import { ConfigErrors, formatPlace } from "../config/errors.ts";
import type { ErrorText } from "../view/model.ts";

/** Where a command writes. Tests hand in their own. */
export interface CliIo {
  /** Resolves when more may be written. @throws OutputClosed if nobody reads any more (`| head`). */
  out(text: string | Buffer): Promise<void>;
  /** For what went wrong; never throws. */
  err(text: string): void;
  environment(name: string): string | undefined;
  /** Standard input, whole. Absent: there is none. */
  input?(): Promise<string>;
}

/** The reader of our output is gone: there is nothing left to do, and nothing to say. */
export class OutputClosed extends Error {}

/** A command that ends with something else than 0, with what to say about it. */
export class CliFailure extends Error {
  readonly code: number;
  readonly errors: readonly ErrorText[];

  constructor(code: number, errors: readonly ErrorText[] | string) {
    super(typeof errors === "string" ? errors : errors.map((error) => error.message).join("\n"));
    this.code = code;
    this.errors = typeof errors === "string" ? [{ message: errors, place: null }] : errors;
  }
}

/** A bad config ends a command with 2 and every fault at its place; any other error is given back as it is. */
export function asFailure(error: unknown): unknown {
  if (!(error instanceof ConfigErrors)) return error;
  const faults = error.errors.map(({ message, place }) => ({ message, place: formatPlace(place) }));
  return new CliFailure(Exit.usage, faults);
}

/** The contract's exit codes. */
export const Exit = { done: 0, failed: 1, usage: 2, unhealthy: 3 } as const;

/** The streams of this process. */
export function processIo(process: NodeJS.Process): CliIo {
  let closed = false;
  process.stdout.on("error", () => {
    closed = true;
  });
  process.stderr.on("error", () => {});
  return {
    async out(text) {
      if (closed) throw new OutputClosed();
      if (process.stdout.write(text)) return;
      await new Promise<void>((resolve) => {
        const done = () => {
          process.stdout.off("drain", done);
          process.stdout.off("close", done);
          process.stdout.off("error", done);
          resolve();
        };
        process.stdout.on("drain", done);
        process.stdout.on("close", done);
        process.stdout.on("error", done);
      });
      if (closed) throw new OutputClosed();
    },
    async input() {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks).toString("utf8");
    },
    err: (text) => void process.stderr.write(text),
    environment: (name) => (Object.hasOwn(process.env, name) ? process.env[name] : undefined),
  };
}
