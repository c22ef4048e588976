import type { Libc } from "../../src/os/libc.ts";
import { RouteNetlinkEvents } from "../../src/os/netlink.ts";

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
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
    const program: [code: number, ifTrue: number, ifFalse: number, k: number][] = [
      [LOAD_BYTE, 0, 0, LENGTH_AT],
      [JUMP_EQUAL, 0, 1, 32],
      [RETURN, 0, 0, 0xffffffff],
      [RETURN, 0, 0, 0],
    ];
    const code = new Uint8Array(program.length * 8);
    const view = new DataView(code.buffer);
    program.forEach(([op, ifTrue, ifFalse, k], i) => {
      view.setUint16(i * 8, op, true);
      view.setUint8(i * 8 + 2, ifTrue);
      view.setUint8(i * 8 + 3, ifFalse);
      view.setUint32(i * 8 + 4, k, true);
    });
    const header = new Uint8Array(16); // struct sock_fprog: length, padding, pointer
    new DataView(header.buffer).setUint16(0, program.length, true);
    new DataView(header.buffer).setBigUint64(8, libc.address(code), true);
    if (libc.setsockopt(this.fd, SOL_SOCKET, SO_ATTACH_FILTER, header, 16) !== 0)
      throw new Error("the witness could not attach its filter");
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
