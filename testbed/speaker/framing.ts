/** Cuts a stream into messages, however it arrives; nothing of them is judged but that a length can be one. */
export class MessageCutter {
  readonly #onMessage: (type: number, bytes: Buffer, start: number, end: number) => void;
  #held: Uint8Array[] = [];
  #heldLength = 0;

  /** @param onMessage with the body's place in `bytes`; the header's 19 octets stand before it. */
  constructor(onMessage: (type: number, bytes: Buffer, start: number, end: number) => void) {
    this.#onMessage = onMessage;
  }

  push(chunk: Uint8Array): void {
    this.#held.push(chunk);
    this.#heldLength += chunk.length;
    if (this.#heldLength < 19) return;
    const bytes = this.#held.length === 1 ? asBuffer(this.#held[0]!) : Buffer.concat(this.#held);
    let at = 0;
    while (bytes.length - at >= 19) {
      const length = bytes.readUInt16BE(at + 16);
      if (length < 19) throw new Error(`a speaker sent a message of ${length} octets`);
      if (bytes.length - at < length) break;
      this.#onMessage(bytes[at + 18]!, bytes, at + 19, at + length);
      at += length;
    }
    const rest = bytes.subarray(at);
    this.#held = rest.length === 0 ? [] : [rest];
    this.#heldLength = rest.length;
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
