import { seededRandom } from "../../src/lib/random.ts";
import { keepalive } from "../../testbed/speaker/octets.ts";
import { catalogue } from "./catalogue/index.ts";
import { ourConfig } from "./drivers/ours.ts";
import { externalUpdate, type Finding, on, rounded, Stage } from "./faults/stage.ts";
import { groundOf, prefixesOf } from "./ground.ts";
import { attackersPerKind, bystanderAs, dutAs, externalAs, type Lane } from "./lane.ts";

/** Messages that are sent in one session if it lasts so long. */
const perSession = 40;

/** Every octet string of the catalogue that fits one message or a few: what mutations start from. */
function corpus(lane: Lane): Uint8Array[] {
  return catalogue.flatMap(
    (hostile, i) =>
      hostile
        .attack(groundOf(lane, hostile.from, prefixesOf(i % 2000), hostile.open?.fourOctetAs ?? true))
        .filter((step) => step instanceof Uint8Array && step.length >= 19 && step.length <= 4096) as Uint8Array[],
  );
}

type Pick = (below: number) => number;

/** Changes a few octets, cuts, repeats or splices; most of the time the header's length is put right again, so that more than it is met. */
function mutate(from: readonly Uint8Array[], pick: Pick): Uint8Array {
  let bytes = Uint8Array.from(from[pick(from.length)]!);
  for (let times = 1 + pick(4); times > 0; times--) {
    const at = 19 + pick(Math.max(1, bytes.length - 19));
    switch (pick(7)) {
      case 0:
        bytes[at] = pick(256);
        break;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8));
        break;
      case 2:
        bytes[at] = [0, 1, 127, 128, 255][pick(5)]!;
        break;
      case 3:
        bytes = bytes.slice(0, at);
        break;
      case 4:
        bytes = Uint8Array.from([
          ...bytes.subarray(0, at),
          ...Array.from({ length: 1 + pick(8) }, () => pick(256)),
          ...bytes.subarray(at),
        ]);
        break;
      case 5: {
        const end = Math.min(bytes.length, at + 1 + pick(40));
        bytes = Uint8Array.from([...bytes.subarray(0, end), ...bytes.subarray(at)]);
        break;
      }
      default: {
        const other = from[pick(from.length)]!;
        bytes = Uint8Array.from([
          ...bytes.subarray(0, at),
          ...other.subarray(Math.min(other.length, 19 + pick(other.length))),
        ]);
      }
    }
  }
  bytes = bytes.subarray(0, 4096);
  if (bytes.length >= 19 && pick(10) > 0) {
    bytes.fill(0xff, 0, 16);
    bytes[16] = bytes.length >> 8;
    bytes[17] = bytes.length & 0xff;
    if (pick(3) > 0) bytes[18] = 2;
  }
  return bytes;
}

/** Whole sessions of mutated messages from a seed: the daemon lives, nobody else is touched, memory comes back. */
export function fuzz(seed: number, messages: number): Promise<Finding[]> {
  const config = (lane: Lane) =>
    ourConfig(
      lane,
      [
        ...lane.internals.map((address) => `  - {address: ${address}, peer-group: inside}`),
        ...lane.externals.map((address) => `  - {address: ${address}, peer-group: outside, remote-as: ${externalAs}}`),
      ].join("\n"),
      "\ntelemetry: {log: {level: error}}\n",
    );
  return on(new Stage(config), async (stage) => {
    const { lane } = stage;
    const random = seededRandom(seed);
    const pick: Pick = (below) => Math.floor(random.next() * below);
    const from = corpus(lane);
    const witness = await stage.session(lane.witness);
    let sent = 0;
    let sessions = 0;
    let memory = 0;
    const started = performance.now();
    while (sent < messages) {
      const internal = pick(2) === 0;
      const index = sessions++ % attackersPerKind;
      const local = internal ? lane.internal(index) : lane.external(index);
      const peer = stage.peer(local);
      const who = {
        as: internal ? dutAs : externalAs,
        routerId: local,
        extended: pick(4) === 0,
        addPath: pick(8) === 0,
        enhancedRefresh: pick(2) === 0,
        fourOctetAs: internal || pick(4) > 0,
      };
      if (pick(20) === 0) {
        // Mutated before the session is up.
        await stage.pulse.until(() => peer.connected || peer.over, 2_000);
        peer.send(mutate(from, pick), mutate(from, pick), keepalive);
        await stage.pulse.until(() => peer.over, 20);
        sent += 2;
      } else if (await peer.establish(who, 2_000)) {
        const batch = Array.from({ length: perSession }, () => mutate(from, pick));
        for (let at = 0; at < batch.length && !peer.over; at += 4) {
          peer.send(...batch.slice(at, at + 4));
          sent += 4;
          await new Promise((resolve) => setImmediate(resolve));
        }
        await stage.pulse.until(() => peer.over, 10);
      }
      peer.reset();
      stage.peerage.daemon.check();
      if (witness.over) throw new Error(`seed ${seed}: the witness was touched after ${sent} messages`);
      if (memory === 0 && sent > Math.min(100_000, messages / 4)) memory = stage.memoryMb();
    }
    const seconds = (performance.now() - started) / 1000;
    const bystander = await stage.session(lane.bystander, { as: bystanderAs });
    bystander.send(externalUpdate(lane, bystanderAs, "22.255.255.0/24"));
    await stage.until("a route of somebody else passes", () => witness.routes.has("22.255.255.0/24"));
    await stage.wait(5_000);
    const growth = stage.memoryMb() - memory;
    return [
      {
        ok: !witness.over && growth < 50,
        measured: `seed ${seed}: ${sent} mutated messages in ${sessions} sessions, ${rounded(seconds)} s: no death, no other session touched, memory ${growth < 0 ? "" : "+"}${rounded(growth)} MB since the first quarter`,
      },
    ];
  });
}
