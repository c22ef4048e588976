import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { attribute, ipv4, nlri4, update } from "../../../testbed/speaker/octets.ts";
import { goodSet } from "../ground.ts";
import { dutAs, type Lane } from "../lane.ts";
import { clientsConfig, type Fault, type Finding, on, rounded, routeOf, routeUpdate, Stage } from "./stage.ts";

const limitMb = 256;

const old = existsSync("/sys/fs/cgroup/memory/memory.limit_in_bytes");

/** A control group with this much memory: its name. Both kinds of hierarchy are known. */
function makeGroup(): { folder: string; enter: string } {
  const name = `peerage-hostile-${process.pid}`;
  const root = `/sys/fs/cgroup${old ? "/memory" : ""}`;
  mkdirSync(`${root}/${name}`);
  writeFileSync(`${root}/${name}/${old ? "memory.limit_in_bytes" : "memory.max"}`, `${limitMb * 2 ** 20}`);
  // `ip netns exec` brings a /sys of its own, without control groups.
  const mount = old
    ? `mount -t tmpfs none /sys/fs/cgroup; mkdir ${root}; mount -t cgroup -o memory none ${root}`
    : `mount -t cgroup2 none ${root}`;
  return { folder: `${root}/${name}`, enter: `${mount}; echo $$ > ${root}/${name}/cgroup.procs; exec "$@"` };
}

/** Routes of a greedy client: an attribute set of 2 KB each. */
function* heavy(lane: Lane): Generator<Uint8Array> {
  const good = goodSet("internal", dutAs, ipv4(`${lane.net}.0.9`), "00", true);
  for (let i = 0; i < 200_000; i++) {
    const ballast = Buffer.alloc(2_000, 0x5a);
    ballast.writeUInt32BE(i);
    yield update({ attributes: [...good, attribute(0xd0, 99, ballast.toString("hex"))], nlri: nlri4(routeOf(i)) });
  }
}

/** 19: all the memory that there is. */
export const softLimit: Fault = {
  number: 19,
  fault: `a client fills the memory of a control group of ${limitMb} MB; the budget is the default, memory: auto`,
  target: "order of refusal: new sessions, reading from the heaviest, the heaviest; no crash",
  async run() {
    const { folder: group, enter } = makeGroup();
    let findings: Finding[] = [];
    try {
      findings = await on(
        new Stage((lane) => clientsConfig(lane, [lane.witness, lane.bystander, lane.internal(0), lane.internal(1)]), {
          wrap: ["sh", "-c", enter, "sh"],
        }),
        async (stage) => {
          const { lane } = stage;
          const witness = await stage.session(lane.witness, { hold: 9 });
          const bystander = await stage.session(lane.bystander, { hold: 9 });
          bystander.send(...Array.from({ length: 250 }, (_, i) => routeUpdate(lane, `98.0.${i}.0/24`)));
          await stage.until("the honest routes are there", () => witness.routes.size === 250);
          const greedy = await stage.session(lane.internal(0), { ipv6: false }, { watch: "00" });
          await stage.idle();
          let newcomer = "was never refused";
          const began = performance.now();
          for (const message of heavy(lane)) {
            if (greedy.over) break;
            greedy.send(message);
            while (greedy.socket.writableNeedDrain && !greedy.over) await stage.wait(5);
            if (newcomer === "was never refused" && /new sessions are refused/.test(stage.peerage.daemon.output)) {
              const late = stage.peer(lane.internal(1));
              await late.establish({ as: dutAs, routerId: lane.internal(1) }, 2_000);
              await late.until(() => late.over, 500);
              const word = late.notification;
              if (late.over) newcomer = `is refused with ${word?.code}/${word?.subcode}`;
              late.reset();
            }
          }
          await stage.until("the greedy one is ended", () => greedy.over, 60_000);
          const ended = (performance.now() - began) / 1000;
          await stage.until("its routes are gone", () => witness.routes.size === 250, 30_000);
          await stage.wait(5_000);
          const log = stage.peerage.daemon.output;
          const steps = [/new sessions are refused/, /no longer read/, /6\/8|Out of Resources/].map((it) =>
            log.search(it),
          );
          const inOrder = steps.every((at, i) => at >= 0 && (i === 0 || at > steps[i - 1]!));
          const word = greedy.notification;
          return [
            {
              ok:
                inOrder &&
                word?.code === 6 &&
                word.subcode === 8 &&
                !witness.over &&
                !bystander.over &&
                newcomer === "is refused with 6/8",
              measured: `${inOrder ? "in this order" : `order ${steps.join(", ")}`}; a newcomer ${newcomer}; the greedy client ended with ${word?.code}/${word?.subcode} after ${rounded(ended, 1)} s; others untouched, ${witness.routes.size} of 250 honest routes; ${rounded(stage.memoryMb())} MB resident five seconds later, the group used ${peakOf(group)} at most`,
            },
          ];
        },
      );
    } finally {
      try {
        rmdirSync(group);
      } catch {} // the last process is about to leave it
    }
    return findings;
  },
};

function peakOf(group: string): string {
  for (const name of ["memory.max_usage_in_bytes", "memory.peak"])
    if (existsSync(`${group}/${name}`))
      return `${rounded(Number(readFileSync(`${group}/${name}`, "utf8")) / 2 ** 20)} MB`;
  return "?";
}
