import { setFlagsFromString } from "node:v8";
import { startControlServer } from "./api/server.ts";
import type { KernelConfig } from "./config/model.ts";
import { readConfig } from "./config/reader.ts";
import type { EarlySignals } from "./early-signals.ts";
import { type OpenedFib, openFib, unwatched } from "./fib/open.ts";
import { Turns } from "./http/turns.ts";
import type { FibOs } from "./kernel/os-port.ts";
import { type Clock, systemClock } from "./lib/clock.ts";
import type { Log } from "./lib/log.ts";
import { systemRandom } from "./lib/random.ts";
import { createLogger } from "./log/log.ts";
import { writerFor } from "./log/writer.ts";
import { BfdThread } from "./os/bfd-thread.ts";
import { openFibOs } from "./os/fib-os.ts";
import { FileJournal } from "./os/file-journal.ts";
import { ProcessMemory } from "./os/process-memory.ts";
import { claimSocketPath } from "./os/socket-file.ts";
import { TcpNetwork } from "./os/tcp.ts";
import { Speaker } from "./speaker/speaker.ts";
import { Telemetry } from "./telemetry.ts";
import { version } from "./version.ts";
import { LiveControl } from "./view/speaker-control.ts";
import { LiveView } from "./view/speaker-view.ts";

/** Lines of the log that are still on their way get this long at the end. */
const LAST_WORDS_MS = 500;
/** A stop takes what is on its way to peers and what is to be written into the kernel: each has a bound of its own, 11 s in all. */
const STOP_MS = 12_000;
/** The control socket and metrics have nobody to wait for. */
const EDGES_MS = 1000;
/** A NOTIFICATION that nobody reads doesn't keep a stopped daemon alive; the network gives up waiting sooner than this. */
const HEARD_MS = 6000;
/** From the signal to the end, whatever hangs: what is left then is left as after SIGKILL, but long before systemd's. */
const END_MS = 20_000;

/**
 * How V8 serves a daemon whose first table is its hardest work. The young generation of the heap keeps its size: tables live in typed
 * arrays, what is young dies young, and letting it grow cost 25 MB with a million routes and saved no time. And the optimizer copies
 * less of other functions into the one at hand: of the CPU that 100,000 routes to 100 peers took from a fresh start, more than half was
 * the optimizer's own threads, and this takes a fifth off all of it (bench: reflect and churn, in turns with other settings). An
 * unknown flag is ignored by other versions of V8.
 */
const V8_FLAGS = ["--semi-space-growth-factor=1", "--max-inlined-bytecode-size-cumulative=150"];

/** The daemon: one speaker with its edges, until a signal ends it. Resolves to the exit code. */
export async function runDaemon(file: string, signals: EarlySignals): Promise<number> {
  for (const flag of V8_FLAGS) setFlagsFromString(flag);
  const clock = systemClock;
  const ending = new Ending(() => process.exit(1));
  const reloads = new Reloads();
  signals.takeOver((signal) => (signal === "SIGHUP" ? reloads.ask() : ending.end(signal)));
  const config = await untilTheEnd(readConfig({ file }), ending.reached);
  if (config === null) return 0;
  const { format, level } = config.telemetry.log;
  const log = createLogger(writerFor(1), () => clock.wallTime(), format, level);
  for (const { place, message } of config.warnings)
    log.event("warn", "config", message, { place: `${place.file}:${place.line}:${place.column}` });
  // Before anything is touched that a daemon which is already running may hold: its kernel routes least of all.
  await claimSocketPath(config.control.socket);
  const network = new TcpNetwork();
  const speaker = new Speaker(config, {
    clock,
    log,
    random: systemRandom,
    network,
    memory: new ProcessMemory(),
    bfd: new BfdThread(new URL("./bfd-main.js", import.meta.url)),
    // Without it a restart is merely less graceful.
    journal: new FileJournal(`${config.control.socket}.journal`, (trouble) => log.event("warn", "journal", trouble)),
    openFib: (kernel) => kernelFib(kernel, clock, log),
  });
  const view = new LiveView(speaker, version);
  const turns = new Turns(clock);
  const telemetry = new Telemetry(speaker, log, clock, turns);
  const control = new LiveControl(speaker, file, (order) => readConfig(order), {
    adopted: (adopted) => telemetry.adopt(adopted),
    drained: () => ending.end("drained"),
    dumpTables: () => telemetry.dumpTables(),
  });
  const closers = [() => telemetry.close()];
  try {
    let ready = false;
    const server = await startControlServer({
      path: config.control.socket,
      view,
      control,
      clock,
      log,
      turns,
      isReady: () => ready,
    });
    closers.push(() => server.close());
    await telemetry.start(config);
    // Who wants to end meanwhile doesn't wait for a start that takes long.
    if (await Promise.race([speaker.start(), ending.reached])) {
      await speaker.giveUp();
      return 0;
    }
    ready = true;
    const where = speaker.endpoints.map(({ address, port }) => `${address} port ${port}`).join(", ");
    log.always("ready", `AS ${config.router.as}, router-id ${config.router.routerId}, ${listening(where)}`, {
      version,
      pid: process.pid,
    });
    reloads.begin(() => reload(control));
    const why = await ending.reached;
    reloads.end();
    log.event("info", "stopping", why);
    server.refuse("The daemon is stopping");
    await atMost(STOP_MS, speaker.stop());
    return 0;
  } catch (error) {
    await speaker.giveUp();
    throw error;
  } finally {
    await atMost(EDGES_MS, Promise.all(closers.map((close) => close())));
    await atMost(HEARD_MS, network.drained());
    await log.close(LAST_WORDS_MS);
  }
}

const listening = (where: string): string => (where === "" ? "listening nowhere" : `listening on ${where}`);

function kernelFib(kernel: KernelConfig, clock: Clock, log: Log): OpenedFib {
  return openFib({
    mode: kernel.fib,
    table: kernel.table,
    protocol: kernel.protocol,
    metric: kernel.metric,
    nexthopObjects: kernel.nexthopObjects,
    writer: kernel.writer,
    clock,
    os: machineFor(kernel, log),
    log,
  });
}

/** Without netlink no kernel route can be written; where none is wanted it's said once, and done without. */
function machineFor({ fib }: KernelConfig, log: Log): FibOs | null {
  try {
    return openFibOs();
  } catch (error) {
    if (fib === "kernel") throw error;
    log.event("warn", "links-unwatched", unwatched(error));
    return null;
  }
}

/** What the work comes to; null if the daemon is to end before that. */
const untilTheEnd = <T>(work: Promise<T>, end: Promise<unknown>): Promise<T | null> =>
  Promise.race([work, end.then(() => null)]);

/** SIGHUP: a config that can't be used changes nothing; the log has heard why. */
const reload = (control: LiveControl): Promise<void> =>
  control.reload().then(
    () => {},
    () => {},
  );

/** Waits for the work, but no longer. */
async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, end]).finally(() => clearTimeout(timer));
}

/** Reloads that signals ask for: one that comes before there is anything to reload waits for it, one that comes at the end is void. */
class Reloads {
  #reload: (() => void) | null = null;
  #asked = false;

  ask(): void {
    if (this.#reload === null) this.#asked = true;
    else this.#reload();
  }

  begin(reload: () => Promise<void>): void {
    this.#reload = () => void reload();
    if (this.#asked) this.#reload();
  }

  end(): void {
    this.#reload = () => {};
  }
}

/** The one moment at which the daemon begins to stop; `late` is called if it is still there when it should have ended long ago. */
class Ending {
  readonly #late: () => void;
  #resolve: (why: string) => void = () => {};
  #guard: NodeJS.Timeout | null = null;
  readonly reached = new Promise<string>((resolve) => {
    this.#resolve = resolve;
  });

  constructor(late: () => void) {
    this.#late = late;
  }

  end(why: string): void {
    this.#resolve(why);
    this.#guard ??= setTimeout(this.#late, END_MS).unref();
  }
}
