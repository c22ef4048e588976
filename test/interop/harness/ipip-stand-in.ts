import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { KoffiFunc } from "koffi";
import { formatIpv4, maskWord, parsePrefix } from "../../../src/lib/address.ts";
import { loadLibc } from "../../../src/os/libc.ts";

/**
 * NOT the kernel's ipip driver: a stand-in for tests on kernels that have none. A TUN device with the name of the tunnel
 * device; each packet that the kernel routes into it is sent on as protocol 4 (RFC 2003) by a raw socket, and what comes in
 * as protocol 4 is written back into the device. A real driver learns the outer destination from the route's gateway;
 * a TUN device isn't told, so this asks the kernel's routes for it. Run in a host's namespace:
 * `node ipip-stand-in.js DEVICE`; prints "ready".
 */
export const standInProgram = fileURLToPath(import.meta.url);

const IFF_TUN = 1;
const IFF_NO_PI = 0x1000;
const TUNSETIFF = 0x400454ca;
const O_RDWR = 2;
const O_NONBLOCK = 0x800;

if (process.argv[1] === standInProgram) standIn(process.argv[2]!);

function standIn(device: string): void {
  const libc = loadLibc();
  const koffi: typeof import("koffi").default = createRequire(import.meta.url)("koffi");
  const library = koffi.load(null);
  const open = library.func("int open(const char *, int)") as unknown as KoffiFunc<
    (path: string, flags: number) => number
  >;
  const ioctl = library.func("int ioctl(int, uint64_t, void *)") as unknown as KoffiFunc<
    (fd: number, request: number, value: Uint8Array) => number
  >;
  const read = library.func("int64_t read(int, void *, uint64_t)") as unknown as KoffiFunc<
    (fd: number, bytes: Uint8Array, length: number) => number
  >;
  const sendto = library.func("int64_t sendto(int, void *, uint64_t, int, void *, uint32_t)") as unknown as KoffiFunc<
    (fd: number, bytes: Uint8Array, length: number, flags: number, address: Uint8Array, size: number) => number
  >;

  const tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  const request = Buffer.alloc(40); // struct ifreq
  request.write(device, "latin1");
  request.writeUInt16LE(IFF_TUN | IFF_NO_PI, 16);
  if (tun < 0 || ioctl(tun, TUNSETIFF, request) < 0) throw new Error(`cannot make the TUN device ${device}`);
  const raw = libc.socket(2, 3 | O_NONBLOCK, 4); // AF_INET, SOCK_RAW, IPPROTO_IPIP
  if (raw < 0) throw new Error("cannot open a raw socket for protocol 4");

  const entries = Buffer.alloc(16); // two struct pollfd
  entries.writeInt32LE(tun, 0);
  entries.writeInt16LE(1, 4);
  entries.writeInt32LE(raw, 8);
  entries.writeInt16LE(1, 12);
  const packet = new Uint8Array(65536);
  const turn = () => {
    for (;;) {
      const length = read(tun, packet, packet.length);
      if (length <= 0) break;
      if (packet[0]! >>> 4 !== 4) continue; // IPv6 chatter of the device
      const inner = new DataView(packet.buffer).getUint32(16);
      const outer = gatewayOf(device, inner);
      if (outer === null) continue;
      const address = Buffer.alloc(16); // struct sockaddr_in
      address.writeUInt16LE(2, 0);
      address.writeUInt32BE(outer, 4);
      sendto(raw, packet, length, 0, address, 16);
    }
    for (;;) {
      const length = libc.recv(raw, packet, packet.length, 0);
      if (length <= 20) break;
      const header = (packet[0]! & 15) * 4;
      libc.write(tun, packet.subarray(header, length), length - header);
    }
    libc.poll.async(entries, 2, 500, turn);
  };
  turn();
  process.stdout.write("ready\n");
}

/** The gateway of the longest route through the device that holds the address, as the kernel has it now. */
function gatewayOf(device: string, address: number): number | null {
  const routes = JSON.parse(execFileSync("ip", ["-4", "-j", "route", "show"], { encoding: "utf8" })) as {
    dst: string;
    gateway?: string;
    dev?: string;
  }[];
  let best: { length: number; gateway: number } | null = null;
  for (const { dst, gateway, dev } of routes) {
    if (dev !== device || gateway === undefined || dst === "default") continue;
    const { words, length } = parsePrefix(dst);
    if (((words[0]! ^ address) & maskWord(length)) !== 0 || (best !== null && best.length >= length)) continue;
    best = { length, gateway: parsePrefix(`${gateway}/32`).words[0]! };
  }
  if (best === null) process.stderr.write(`no route through ${device} for ${formatIpv4(address)}\n`);
  return best?.gateway ?? null;
}
