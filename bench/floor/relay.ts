/**
 * The floor under every figure: answers OPEN and KEEPALIVE and copies the UPDATE bytes of each session to every other one. No table, no
 * decision, no encoding; a daemon that does the work can only come near to it. Late sessions get what came before.
 * Arguments: address, port, AS, router id, address family (4 or 6).
 */
import { createServer, type Socket } from "node:net";
import { encodeOpen, KEEPALIVE } from "../load/encode.ts";
import { octets } from "../load/octets.ts";

const [address, port, as, routerId, family] = process.argv.slice(2) as [string, string, string, string, "4" | "6"];
const open = encodeOpen({
  as: Number(as),
  holdTimeSeconds: 90,
  routerId: octets(routerId),
  family: family === "4" ? 4 : 6,
  addPath: false,
});

interface Member {
  readonly socket: Socket;
  /** What is left of a message that has not come whole. */
  rest: Buffer;
  up: boolean;
}
const members = new Set<Member>();
const history: Buffer[] = [];

const server = createServer({ noDelay: true }, (socket) => {
  const member: Member = { socket, rest: Buffer.alloc(0), up: false };
  socket.on("data", (chunk: Buffer) => receive(member, chunk));
  socket.on("close", () => members.delete(member));
  socket.on("error", () => {});
});
server.listen({ host: address, port: Number(port), backlog: 4096 }, () => process.stdout.write("ready\n"));

function receive(member: Member, chunk: Buffer): void {
  const bytes = member.rest.length > 0 ? Buffer.concat([member.rest, chunk]) : chunk;
  let [at, runStart] = [0, 0];
  const passOn = (end: number) => {
    if (end > runStart) relay(member, bytes.subarray(runStart, end));
  };
  while (bytes.length - at >= 19) {
    const length = bytes.readUInt16BE(at + 16);
    if (bytes.length - at < length) break;
    const type = bytes[at + 18];
    if (type !== 2) {
      passOn(at);
      if (type === 1) {
        member.socket.write(open);
        member.socket.write(KEEPALIVE);
      } else if (type === 4) {
        if (!member.up) join(member);
        else member.socket.write(KEEPALIVE);
      }
      runStart = at + length;
    }
    at += length;
  }
  passOn(at);
  member.rest = bytes.subarray(at);
}

function join(member: Member): void {
  member.up = true;
  members.add(member);
  for (const bytes of history) member.socket.write(bytes);
}

function relay(from: Member, bytes: Buffer): void {
  history.push(bytes);
  for (const member of members) if (member !== from) member.socket.write(bytes);
}
