import type { Introduction } from "../../testbed/speaker/introduction.ts";
import { bytes, hex } from "../../testbed/speaker/octets.ts";
import { ScriptedSpeaker } from "../../testbed/speaker/scripted-speaker.ts";

/**
 * The least that a real daemon takes for a peer, as a process of its own: shakes hands, sends what it was told to, and prints every
 * message that comes as a line of hex. `node speaker.js '{...}'`
 */
export interface CaptureOptions {
  readonly to: string;
  readonly local: string;
  readonly who: Introduction;
  /** Hex of whole messages, sent once the session is up. */
  readonly send: readonly string[];
  /** Hex of whole messages, sent two seconds later. */
  readonly sendLater: readonly string[];
}

function dial(options: CaptureOptions): void {
  const speaker = new ScriptedSpeaker({
    from: options.local,
    to: options.to,
    who: options.who,
    onMessage: (message) => console.log(hex(message)),
    onEstablished: () => {
      speaker.send(...options.send.map(bytes));
      setTimeout(() => speaker.send(...options.sendLater.map(bytes)), 2000);
    },
    onClosed: () => {
      if (speaker.establishedAt !== null) process.exit(0);
      setTimeout(() => dial(options), 300); // refused: the daemon isn't ready yet
    },
  });
}

dial(JSON.parse(process.argv[2]!) as CaptureOptions);
