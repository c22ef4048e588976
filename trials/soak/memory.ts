import type { Verdict } from "./compare.ts";
import type { Memory } from "./room.ts";

export interface Sample extends Memory {
  readonly minute: number;
}

/** Of a run this much at its end is judged: what is compiled, cached and grown once is no leak. */
const JUDGED = 2 / 3;
const ENOUGH_MINUTES = 10;

/** Whether memory stayed flat: what is left after a collection within 2 %, what is resident within 5 %. */
export function judgeMemory(samples: readonly Sample[]): Verdict[] {
  const minutes = samples.length;
  const judged = samples.filter(({ minute }) => minute > minutes * (1 - JUDGED));
  if (minutes < ENOUGH_MINUTES)
    return [{ ok: true, text: `memory is not judged in a run of less than ${ENOUGH_MINUTES} minutes` }];
  // `external` has the array buffers in it (Node's documentation of process.memoryUsage).
  return [
    spread("heap and external memory after a collection", judged, (sample) => sample.heapUsed + sample.external, 2),
    spread("resident memory after it", judged, (sample) => sample.rss, 5),
    spread("resident memory of the kernel writer", judged, (sample) => sample.writerRss, 5),
  ];
}

function spread(what: string, samples: readonly Sample[], of: (sample: Sample) => number, percent: number): Verdict {
  const values = samples.map(of);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const wide = (100 * (high - low)) / low;
  const span = `minutes ${samples[0]!.minute} to ${samples.at(-1)!.minute}`;
  return {
    ok: wide <= percent,
    text: `${what}, ${span}: ${mib(low)} to ${mib(high)} MiB, ${wide.toFixed(2)} % apart (at most ${percent} %); ${slope(samples, of).toFixed(2)} MiB an hour by least squares`,
  };
}

const mib = (octets: number): string => (octets / 2 ** 20).toFixed(2);

/** MiB an hour. */
function slope(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(samples.map(({ minute }) => minute));
  const y = mean(samples.map(of));
  const cross = samples.reduce((sum, sample) => sum + (sample.minute - x) * (of(sample) - y), 0);
  const square = samples.reduce((sum, { minute }) => sum + (minute - x) ** 2, 0);
  return (60 * cross) / square / 2 ** 20;
}
