import { connect } from "node:net";
import { encodeKeepalive } from "../../src/wire/message/keepalive.ts";
import { encodeOpen } from "../../src/wire/message/open.ts";

/**
 * The least that a real daemon takes for a peer: dials, sends an OPEN and KEEPALIVEs, then what it was told to, and prints every
 * message that comes as a line of hex. It cuts messages by itself and decodes nothing, so that what it captures doesn't depend on
 * the codec that is tested with it. `node speaker.js '{...}'`
 */
export interface SpeakerOptions {
  readonly to: string;
  readonly local: string;
  readonly as: number;
  readonly routerId: number;
  /** Hex of capabilities (code, length, value). */
  readonly capabilities: readonly string[];
  /** Hex of whole messages, sent once the session is up. */
  readonly send: readonly string[];
  /** Hex of whole messages, sent two seconds later. */
  readonly sendLater: readonly string[];
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function dial(options: SpeakerOptions): void {
  const socket = connect({ host: options.to, port: 179, localAddress: options.local });
  let held = Buffer.alloc(0);
  let up = false;
  socket.on("connect", () => {
    const capabilities = options.capabilities.map((text) => {
      const [code, , ...value] = Buffer.from(text, "hex");
      return { kind: "unknown", code: code!, value: Uint8Array.from(value) } as const;
    });
    socket.write(encodeOpen({ as: options.as, holdTimeSeconds: 90, routerId: options.routerId, capabilities }));
  });
  socket.on("data", (chunk) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 19 && held.length >= held.readUInt16BE(16)) {
      const message = held.subarray(0, held.readUInt16BE(16));
      held = held.subarray(message.length);
      console.log(hex(message));
      if (message[18] === 1) socket.write(encodeKeepalive());
      if (message[18] === 4 && !up) {
        up = true;
        for (const text of options.send) socket.write(Buffer.from(text, "hex"));
        setTimeout(() => {
          for (const text of options.sendLater) socket.write(Buffer.from(text, "hex"));
        }, 2000);
        setInterval(() => socket.write(encodeKeepalive()), 3000);
      }
    }
  });
  socket.on("error", () => {}); // refused: the daemon isn't ready yet
  socket.on("close", () => {
    if (up) process.exit(0);
    setTimeout(() => dial(options), 300);
  });
}

dial(JSON.parse(process.argv[2]!) as SpeakerOptions);
