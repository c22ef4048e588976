import { Encoder, encodeWithdraw } from "../encode.ts";
import type { View } from "../expectation.ts";
import { Rig } from "../rig.ts";
import type { LoadSpec, Phase } from "../spec.ts";
import { delaysOf } from "../statistics.ts";
import { feed } from "./reflect.ts";

/** Bursts of withdrawals, each then announced again; the delay of every route to every client. */
export function churn(spec: LoadSpec): Rig {
  const rig = new Rig(spec, 65_536);
  const { feeder, sets } = feed(rig, "load");
  const { table } = rig;
  const views = [...rig.views.values()];
  const delays = { withdraw: [] as number[], announce: [] as number[] };
  const on = (kind: "withdraw" | "announce", bytes: Uint8Array) => {
    rig.phase(kind, (startMs) => {
      const note: View["onRoute"] = (_id, _announced, atMs) => void delays[kind].push(atMs - startMs);
      for (const view of views) view.onRoute = note;
      feeder.send(bytes);
    });
  };
  for (let burst = 0, firstSet = 0; burst < spec.bursts; burst++) {
    let endSet = firstSet;
    while (endSet < sets.length && table.setStart[endSet]! - table.setStart[firstSet]! < spec.burstRoutes) endSet++;
    const [from, to] = [table.setStart[firstSet]!, table.setStart[endSet]!];
    const e = new Encoder();
    encodeWithdraw(e, table, from, to);
    rig.expectAgain((shared) => shared.wanted.fill(0, from, to));
    on("withdraw", e.taken());
    rig.expectAgain((shared) => rig.expect(shared, feeder, sets, firstSet, endSet));
    on("announce", rig.announceSets(feeder, sets, firstSet, endSet));
    firstSet = endSet >= sets.length ? 0 : endSet;
  }
  const load = rig.phases.filter((phase) => phase.name === "load");
  const all = (kind: "withdraw" | "announce"): Phase => ({
    ...sum(rig.phases.filter((phase) => phase.name === kind)),
    delaysMs: delaysOf(delays[kind]),
  });
  rig.phases.splice(0, rig.phases.length, ...load, all("withdraw"), all("announce"));
  return rig;
}

/** Several stretches of one kind as one: times and counts add up, memory is that of the last. */
function sum(phases: readonly Phase[]): Phase {
  const total = (pick: (phase: Phase) => number) => phases.reduce((all, phase) => all + pick(phase), 0);
  const last = phases.at(-1)!;
  return {
    ...last,
    wallSeconds: phases.some((p) => p.wallSeconds === null) ? null : total((p) => p.wallSeconds!),
    cpuSeconds: total((p) => p.cpuSeconds),
    loadCpuSeconds: total((p) => p.loadCpuSeconds),
    bytesSent: total((p) => p.bytesSent),
    bytesReceived: total((p) => p.bytesReceived),
    updatesReceived: total((p) => p.updatesReceived),
    routesReceived: total((p) => p.routesReceived),
  };
}
