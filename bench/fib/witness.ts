import type { Libc } from "../../src/os/libc.ts";
import { type BpfInstruction, RouteNetlinkEvents } from "../../src/os/netlink.ts";

const RTM_NEWROUTE = 24;
/** Where rtm_dst_len stands in a route message, and the attributes behind struct rtmsg. */
const LENGTH_AT = 17;
const ATTRIBUTES_AT = 28;
const RTA_DST = 1;

/**
 * Hears from the kernel that a route of a full address (/32) has come, and nothing else: a filter in the kernel drops the
 * hundred thousand others, so that who watches does not take the machine from who is watched.
 */
export class Witness extends RouteNetlinkEvents {
  readonly #waits = new Map<number, (at: number) => void>();

  constructor(libc: Libc) {
    super(libc);
    const LOAD_BYTE = 0x30;
    const JUMP_EQUAL = 0x15;
    const RETURN = 0x06;
    const program: BpfInstruction[] = [
      [LOAD_BYTE, 0, 0, LENGTH_AT],
      [JUMP_EQUAL, 0, 1, 32],
      [RETURN, 0, 0, 0xffffffff],
      [RETURN, 0, 0, 0],
    ];
    if (!this.attachFilter(program)) throw new Error("the witness could not attach its filter");
    this.onReadable(() => this.#drain());
  }

  /** When the route to `address`/32 comes, by performance.now(). */
  heard(address: number): Promise<number> {
    return new Promise((resolve) => void this.#waits.set(address, resolve));
  }

  #drain(): void {
    const now = performance.now();
    for (;;) {
      const length = this.receive();
      if (length === 0) return;
      if (length < 0) throw new Error(`the witness has lost events (errno ${-length})`);
      const view = new DataView(this.buffer.buffer, 0, length);
      for (let at = 0; at + ATTRIBUTES_AT <= length; at += (view.getUint32(at, true) + 3) & ~3) {
        if (view.getUint16(at + 4, true) !== RTM_NEWROUTE) continue;
        const address = destination(view, at + ATTRIBUTES_AT, at + view.getUint32(at, true));
        this.#waits.get(address)?.(now);
        this.#waits.delete(address);
      }
    }
  }
}

function destination(view: DataView, at: number, end: number): number {
  while (at + 4 <= end) {
    if (view.getUint16(at + 2, true) === RTA_DST) return view.getUint32(at + 4);
    at += (view.getUint16(at, true) + 3) & ~3;
  }
  return -1;
}
