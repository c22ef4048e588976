import type { Readable, Writable } from "node:stream";
import { FrameReader } from "./protocol.ts";
import { decodeRequest } from "./protocol-decode.ts";
import { AnswerWriter } from "./protocol-encode.ts";
import { RouteWriter, type WriterHost } from "./route-writer.ts";

/**
 * Serves one speaker on a byte stream until it ends. `onEnd` hears null for an orderly end, or one sentence on what was
 * wrong with what came. Reading waits while answers can't be written, so a speaker that doesn't read can't fill memory.
 */
export function serveWriter(
  host: WriterHost,
  input: Readable,
  output: Writable,
  onEnd: (problem: string | null) => void,
): void {
  const answers = new AnswerWriter();
  const writer = new RouteWriter(host, answers);
  const frames = new FrameReader((frame) => decodeRequest(frame, writer));
  let ended = false;
  const end = (problem: string | null) => {
    if (ended) return;
    ended = true;
    writer.close();
    onEnd(problem);
  };
  const answer = () => {
    if (answers.length === 0) return;
    const more = output.write(answers.view().slice());
    answers.clear();
    if (more) return;
    input.pause();
    output.once("drain", () => input.resume());
  };
  input.on("data", (chunk: Uint8Array) => {
    if (ended) return;
    try {
      frames.push(chunk);
    } catch (error) {
      answers.refused(0, `bad request: ${(error as Error).message}`);
      answer();
      end(`bad request: ${(error as Error).message}`);
      return;
    }
    answer();
  });
  input.on("end", () => end(null));
  input.on("error", (error) => end(error.message));
}
