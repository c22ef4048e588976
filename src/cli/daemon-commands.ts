import { ApiError, ControlClient } from "../api/client.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { escapedJson, escapeText } from "../lib/escape.ts";
import type {
  AdminReport,
  AnnouncedRow,
  BfdRow,
  ChangeReport,
  DrainReport,
  Explanation,
  FibRow,
  NeighborDetail,
  RouteRow,
  Summary,
  TunnelRow,
} from "../view/model.ts";
import { parseQuestion } from "../view/question.ts";
import type { AnnounceFlags } from "./announcements.ts";
import { CliFailure, type CliIo, Exit } from "./io.ts";
import { RowSplitter } from "./rows.ts";
import { askDaemon, type Goal, waitUntil } from "./wait.ts";

/** "-" alone: the prefixes stand in lines of standard input. */
const isInput = (prefixes: readonly string[]): boolean => prefixes.length === 1 && prefixes[0] === "-";

const DEFAULT_SOCKET = "/run/peerage/peerage.sock";

/** What every command that asks the daemon knows. */
interface Common {
  readonly socket?: string;
  readonly json?: boolean;
}

interface RouteOptions extends Common {
  readonly longer?: boolean;
  readonly family?: string;
  readonly from?: string;
}

/** The commands that ask or tell a running daemon; each returns its exit code, and loads only the texts that it prints. */
export class DaemonCommands {
  readonly #io: CliIo;

  constructor(io: CliIo) {
    this.#io = io;
  }

  async summary(options: Common & { readonly check?: boolean }): Promise<number> {
    const summary = await this.#ask((client) => client.get<Summary>("/summary"), options);
    const { formatSummary, unhealthyNeighbors } = await import("./text/summary.ts");
    await this.#show(options, summary, formatSummary);
    const unhealthy = options.check ? [...summary.router.readiness.reasons, ...unhealthyNeighbors(summary)] : [];
    if (unhealthy.length === 0) return Exit.done;
    throw new CliFailure(
      Exit.unhealthy,
      unhealthy.map((message) => ({ message, place: null })),
    );
  }

  async wait(goal: Goal, options: Common & { readonly timeout: number }, clock: Clock = systemClock): Promise<number> {
    const ask = askDaemon(socketOf(options, this.#io));
    const waited = await this.#refusals(() => waitUntil(goal, options.timeout * 1000, { clock, ask }));
    if (waited.done) {
      const text = goal === "ready" ? "Ready" : "Converged";
      await this.#show(options, waited.readiness, ({ warnings }) =>
        [text, ...warnings.map((warning) => `warning: ${escapeText(warning)}`), ""].join("\n"),
      );
      return Exit.done;
    }
    const head = waited.there ? `Not ${goal} after ${options.timeout} s: ` : "";
    throw new CliFailure(
      waited.there ? Exit.unhealthy : Exit.failed,
      waited.left.map((message) => ({ message: `${head}${message}`, place: null })),
    );
  }

  async neighbor(address: string | undefined, options: Common): Promise<number> {
    const path = address === undefined ? "/neighbor" : `/neighbor/${encodeURIComponent(address)}`;
    const answer = await this.#ask((client) => client.get<{ neighbors: NeighborDetail[] }>(path), options);
    const { formatNeighbors } = await import("./text/neighbor.ts");
    await this.#show(options, answer, ({ neighbors }) => formatNeighbors(neighbors));
    return Exit.done;
  }

  async route(prefix: string | undefined, options: RouteOptions): Promise<number> {
    if (options.longer && prefix === undefined) throw new CliFailure(Exit.usage, "--longer needs a prefix");
    return this.#routes("/route", prefix, options, false);
  }

  async received(address: string, prefix: string | undefined, options: RouteOptions): Promise<number> {
    return this.#routes(`/received/${encodeURIComponent(address)}`, prefix, options, true);
  }

  async advertised(address: string, prefix: string | undefined, options: RouteOptions): Promise<number> {
    return this.#routes(`/advertised/${encodeURIComponent(address)}`, prefix, options, true);
  }

  async fib(options: Common & { readonly check?: boolean }): Promise<number> {
    let wrong = 0;
    const look = (row: FibRow) => {
      if (row.state !== "installed") wrong++;
    };
    if (options.json)
      await this.#ask((client) => this.#passOn<FibRow>(client, "/fib", {}, options.check ? look : null), options);
    else {
      const [{ fibCells, fibColumns }, { writeTable }] = await Promise.all([
        import("./text/fib.ts"),
        import("./text/routes.ts"),
      ]);
      const rows = this.#rows<FibRow>("/fib", {}, options, look);
      const count = await writeTable(rows, fibColumns, fibCells, (text) => this.#io.out(text));
      if (count === 0) await this.#io.out("No routes are wanted in the kernel\n");
    }
    const { tunnels } = await this.#ask((client) => client.get<{ tunnels: TunnelRow[] }>("/tunnels"), options);
    const troubled = tunnels.filter(({ problem }) => problem !== null);
    if (!options.json)
      for (const { device, problem } of troubled) await this.#io.out(`${escapeText(`Tunnel ${device}: ${problem}`)}\n`);
    if (!options.check) return Exit.done;
    const complaints = [
      ...(wrong > 0 ? [`${wrong} route${wrong === 1 ? " is" : "s are"} not in the kernel as wanted`] : []),
      ...troubled.map(({ device }) => `tunnel ${device} is not as wanted`),
    ];
    if (complaints.length > 0) throw new CliFailure(Exit.unhealthy, complaints.join("; "));
    return Exit.done;
  }

  async bfd(address: string | undefined, options: Common): Promise<number> {
    const path = address === undefined ? "/bfd" : `/bfd/${encodeURIComponent(address)}`;
    const answer = await this.#ask((client) => client.get<{ sessions: BfdRow[] }>(path), options);
    const { formatBfd } = await import("./text/bfd.ts");
    await this.#show(options, answer, ({ sessions }) => formatBfd(sessions));
    return Exit.done;
  }

  async announce(prefixes: readonly string[], options: Common & AnnounceFlags & { force?: boolean }): Promise<number> {
    const { routesOfFlags, routesOfLines } = await import("./announcements.ts");
    // Options hold for each line that doesn't say otherwise.
    const routes = isInput(prefixes)
      ? routesOfLines(await this.#input()).map((line) => ({ ...routesOfFlags([line.prefix], options)[0], ...line }))
      : routesOfFlags(prefixes, options);
    const body = { routes, ...(options.force && { force: true }) };
    const done = await this.#ask((client) => client.send<{ announced: number }>("/announce", body), options);
    await this.#show(options, done, ({ announced }) => `Announced: ${announced}\n`);
    return Exit.done;
  }

  async withdraw(prefixes: readonly string[], options: Common): Promise<number> {
    const { routesOfLines } = await import("./announcements.ts");
    const asked = isInput(prefixes) ? routesOfLines(await this.#input()).map(({ prefix }) => prefix) : prefixes;
    const body = { routes: asked.map((prefix) => ({ prefix })) };
    const done = await this.#ask((client) => client.send<{ withdrawn: number }>("/withdraw", body), options);
    await this.#show(options, done, ({ withdrawn }) => `Withdrawn: ${withdrawn}\n`);
    return Exit.done;
  }

  /** Standard input; "" where there is none. */
  async #input(): Promise<string> {
    return (await this.#io.input?.()) ?? "";
  }

  async announced(options: Common): Promise<number> {
    const { announcedCells, announcedColumns } = await import("./text/announced.ts");
    if (options.json) {
      await this.#ask((client) => this.#passOn<AnnouncedRow>(client, "/announced", {}, null), options);
      return Exit.done;
    }
    const { writeTable } = await import("./text/routes.ts");
    const rows = this.#rows<AnnouncedRow>("/announced", {}, options, () => {});
    const count = await writeTable(rows, announcedColumns, announcedCells, (text) => this.#io.out(text));
    if (count === 0) await this.#io.out("Nothing is originated\n");
    return Exit.done;
  }

  async explain(prefix: string, options: Common): Promise<number> {
    const explanation = await this.#ask(
      (client) => client.get<Explanation>("/explain", { prefix: questionOf(prefix) }),
      options,
    );
    const { formatExplanation } = await import("./text/explain.ts");
    await this.#show(options, explanation, formatExplanation);
    return Exit.done;
  }

  async diff(file: string, options: Common): Promise<number> {
    // Reading YAML takes longer than all else here: only who needs it loads it.
    const { configFiles } = await import("./config-files.ts");
    const sent = configFiles(file);
    const report = await this.#ask((client) => client.send<ChangeReport>("/diff", sent), options);
    const { formatChanges } = await import("./text/changes.ts");
    await this.#show(options, report, formatChanges);
    return Exit.done;
  }

  async reload(options: Common): Promise<number> {
    const report = await this.#ask((client) => client.post<ChangeReport>("/reload"), options);
    const { formatChanges } = await import("./text/changes.ts");
    await this.#show(options, report, formatChanges);
    return Exit.done;
  }

  async reset(address: string, options: Common & { readonly soft?: string }): Promise<number> {
    const soft: Record<string, string> = options.soft === undefined ? {} : { soft: options.soft };
    const done = await this.#ask(
      (client) => client.post<object>(`/reset/${encodeURIComponent(address)}`, soft),
      options,
    );
    const what = { in: "was asked for its routes again", out: "is sent its routes again" }[options.soft ?? ""];
    await this.#show(options, done, () => `${address} ${what ?? "was reset"}\n`);
    return Exit.done;
  }

  /** One neighbor or a group. */
  async administer(
    action: "disable" | "enable" | "drain",
    address: string | undefined,
    { group, text, ...options }: Common & { readonly group?: string; readonly text?: string },
  ): Promise<number> {
    if ((address === undefined) === (group === undefined))
      throw new CliFailure(Exit.usage, `${action} needs the address of a neighbor, or --group NAME`);
    const path = address === undefined ? `/${action}` : `/${action}/${encodeURIComponent(address)}`;
    const parameters = { ...(group !== undefined && { group }), ...(text !== undefined && { text }) };
    const done = await this.#ask((client) => client.post<AdminReport>(path, parameters), options);
    const words = { disable: "is disabled", enable: "is enabled", drain: "is drained" }[action];
    await this.#show(options, done, ({ neighbors }) =>
      neighbors.length === 0 ? "Nobody is there now\n" : neighbors.map((each) => `${each} ${words}\n`).join(""),
    );
    return Exit.done;
  }

  async drain(options: Common & { readonly wait?: number }): Promise<number> {
    const wait = options.wait ?? 10;
    const report = await this.#ask((client) => client.post<DrainReport>("/drain", { wait: String(wait) }, 0), options);
    await this.#show(options, report, ({ text }) => `${text}\n`);
    if (report.complete) return Exit.done;
    throw new CliFailure(
      Exit.unhealthy,
      `Not all was taken in time; still waiting for ${report.waitingFor.join(", ")}`,
    );
  }

  async #routes(path: string, prefix: string | undefined, options: RouteOptions, policy: boolean): Promise<number> {
    const parameters: Record<string, string> = {};
    if (prefix !== undefined) parameters.prefix = questionOf(prefix);
    if (options.longer) parameters.longer = "true";
    if (options.family !== undefined) parameters.family = options.family;
    if (options.from !== undefined) parameters.from = options.from;
    if (options.json) {
      await this.#ask((client) => this.#passOn(client, path, parameters, null), options);
      return Exit.done;
    }
    const { formatRouteDetail, pathIdLegend, routeCells, routeColumns, routeLegend, writeTable } = await import(
      "./text/routes.ts"
    );
    const rows = this.#rows<RouteRow>(path, parameters, options);
    if (prefix !== undefined && !options.longer) {
      let found = false;
      for await (const row of rows) {
        found = true;
        await this.#io.out(formatRouteDetail(row));
      }
      if (!found) await this.#io.out(`No route for ${prefix}\n`);
      return Exit.done;
    }
    let paths = 0;
    let ids = false;
    const cells = (row: RouteRow) => {
      paths += row.paths.length;
      ids ||= row.paths.some(({ pathId }) => pathId !== null);
      return routeCells(row, policy);
    };
    const count = await writeTable(rows, routeColumns(policy), cells, (text) => this.#io.out(text));
    await this.#io.out(
      count === 0
        ? "No routes\n"
        : `\n${plural(count, "prefix", "prefixes")}, ${plural(paths, "path", "paths")}\n${routeLegend}${ids ? pathIdLegend : ""}`,
    );
    return Exit.done;
  }

  async #show<T>(options: Common, value: T, format: (value: T) => string): Promise<void> {
    await this.#io.out(options.json ? `${escapedJson(value)}\n` : format(value));
  }

  /** `peerage mrt --dump` */
  async dumpTables(options: Common): Promise<number> {
    const answer = await this.#ask((client) => client.post<{ file: string }>("/mrt", {}, DUMP_MS), options);
    await this.#show(options, answer, ({ file }) => `${file}\n`);
    return Exit.done;
  }

  /** Runs a request; a refusal becomes the exit code that the contract has for it. */
  async #ask<T>(request: (client: ControlClient) => Promise<T>, options: Common): Promise<T> {
    return this.#refusals(() => request(new ControlClient(socketOf(options, this.#io))));
  }

  async #refusals<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const usage = error.status === 400 || error.status === 422;
      throw new CliFailure(usage ? Exit.usage : Exit.failed, error.errors);
    }
  }

  /** The daemon's own JSON, as it comes. */
  async #passOn<R>(
    client: ControlClient,
    path: string,
    parameters: Record<string, string>,
    look: ((row: R) => void) | null,
  ): Promise<void> {
    const splitter = new RowSplitter<R>();
    await client.stream(path, parameters, async (chunk) => {
      if (look) splitter.push(chunk).forEach(look);
      await this.#io.out(chunk);
    });
  }

  async *#rows<R>(
    path: string,
    parameters: Record<string, string>,
    options: Common,
    look?: (row: R) => void,
  ): AsyncGenerator<R> {
    const splitter = new RowSplitter<R>();
    const chunks = await this.#ask((client) => client.open(path, parameters), options);
    for (;;) {
      const { done, value } = await this.#ask(() => chunks.next(), options);
      if (done) return;
      for (const row of splitter.push(value)) {
        look?.(row);
        yield row;
      }
    }
  }
}

/** Tables of millions of routes take their time, in slices. */
const DUMP_MS = 600_000;

const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

export const socketOf = (options: Common, io: CliIo): string =>
  options.socket ?? (io.environment("PEERAGE_SOCKET") || DEFAULT_SOCKET);

/** A prefix or address that the daemon would refuse is wrong usage, daemon or no daemon. */
function questionOf(text: string): string {
  const question = parseQuestion(text);
  if (typeof question === "string")
    throw new CliFailure(Exit.usage, `Cannot use ${JSON.stringify(text)}: it ${question}`);
  return question.text;
}
