import { Lab } from "../../testbed/lab.ts";
import { enterNamespace } from "../../testbed/namespace.ts";
import type { HostileCase } from "./case.ts";
import { type Mark, markOf, type Outcome } from "./judge.ts";
import { type Driver, Lane } from "./lane.ts";
import { Room } from "./room.ts";

export interface Row {
  readonly hostile: HostileCase;
  readonly mark: Mark;
  readonly outcome: Outcome;
  /** CPU time of the daemon during the case, how long it took, and the daemon's memory after it. */
  readonly cost: { readonly cpuMs: number; readonly ms: number; readonly kb: number };
}

export interface Column {
  readonly name: string;
  readonly version: string;
  readonly rows: readonly Row[];
  /** How often the daemon had to be started. */
  readonly starts: number;
  readonly seconds: number;
  /** Resident memory with everybody up and no attack yet, and the most that there was, in KB. */
  readonly idleKb: number;
  readonly peakKb: number;
  /** CPU share without an attack, in percent. */
  readonly idlePercent: number;
}

/** The peers' namespace and one for each daemon; from now on this thread is where the peers are. */
export function buildLab(names: readonly string[]): {
  lab: Lab;
  rooms: (driver: Driver, index: number, settleMs: number) => Room;
} {
  const lab = new Lab("hostile");
  const peers = lab.host("peers");
  const hosts = names.map((name, i) => {
    const lane = new Lane(i);
    const lan = lab.switch(`lan${i}`);
    peers.plug(lan, { addresses: lane.peerAddresses, device: `eth${i}` });
    return {
      lane,
      host: lab.host(name).plug(lan, { addresses: [`${lane.dut}/16`, `${lane.dut6}/64`] }),
    };
  });
  enterNamespace(peers.namespace);
  return {
    lab,
    rooms: (driver, index, settleMs) => new Room(driver, hosts[index]!.host, hosts[index]!.lane, settleMs),
  };
}

/** All cases against all daemons; the daemons side by side, the cases of each one after the other. */
export async function runCatalogue(
  drivers: readonly Driver[],
  cases: readonly HostileCase[],
  told: (driver: string, row: Row) => void = () => {},
  settleMs = 250,
): Promise<Column[]> {
  const { lab, rooms } = buildLab(drivers.map(({ name }) => name.toLowerCase()));
  try {
    return await Promise.all(
      drivers.map(async (driver, i) => {
        const room = rooms(driver, i, settleMs);
        const started = performance.now();
        const rows: Row[] = [];
        for (const hostile of cases) {
          if (room.subject === null) await room.start();
          const before = room.figures();
          const began = performance.now();
          const outcome = await room.run(hostile);
          const { cpuMs, kb } = room.figures();
          const cost = { cpuMs: Math.max(0, cpuMs - before.cpuMs), ms: performance.now() - began, kb };
          const row = { hostile, outcome, cost, mark: markOf(outcome, hostile.expect) };
          rows.push(row);
          told(driver.name, row);
        }
        room.stop();
        const { idleKb, peakKb, idlePercent, starts } = room;
        const seconds = (performance.now() - started) / 1000;
        return { name: driver.name, version: driver.version(), rows, starts, seconds, idleKb, peakKb, idlePercent };
      }),
    );
  } finally {
    lab.close();
  }
}
