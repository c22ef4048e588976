import { formatAddress, tryParseAddress } from "../lib/address.ts";
import { familyFromName } from "../lib/family.ts";
import { parseQuestion } from "../view/question.ts";
import type { AdminAction, RouteQuery, Slices, SpeakerControl, SpeakerView } from "../view/view-port.ts";

/** A request as the table sees it. */
export interface Request {
  /** The path behind its first word: "10.0.0.1" of `/received/10.0.0.1`. */
  readonly rest: string;
  readonly parameters: URLSearchParams;
  /** Empty without one. */
  readonly body: Uint8Array;
}

/** An answer at once, one that takes several slices to make, or a list that is sent slice by slice. */
export type Answer = { readonly value: object } | { readonly making: Generator<undefined, object> } | List;

/** A list under its name, behind the fields of `head`. */
export interface List {
  readonly head?: object;
  readonly list: string;
  readonly slices: Slices<object>;
  /** A walk of a table, of which only some go on at a time. */
  readonly isTable: boolean;
}

/** What the other side may be told of a shutdown: a length in one octet (RFC 9003 §2). */
const MOST_TEXT = 255;

/** A request that makes no sense, in a sentence. */
export class BadRequest extends Error {}

/** A request for something that isn't there. */
export class NotFound extends Error {}

export interface Route {
  readonly method: "GET" | "POST";
  /** Takes a body; the others refuse one. */
  readonly takesBody?: true;
  answer(request: Request): Answer | Promise<Answer>;
}

/** Everything that can be asked over the control socket, by the first word of the path. */
export function routeTable(view: SpeakerView, control: SpeakerControl): Readonly<Record<string, Route>> {
  const get = (answer: Route["answer"]): Route => ({ method: "GET", answer });
  const post = (answer: Route["answer"]): Route => ({ method: "POST", answer });
  const table = (rest: string, ask: (address: string) => Slices<object> | undefined): Answer => {
    const address = neighborOf(rest);
    const slices = ask(address);
    if (slices === undefined) throw unknownNeighbor(address);
    return { list: "routes", slices, isTable: true };
  };
  const administer = (action: AdminAction, { rest, parameters }: Request): object => {
    const group = parameters.get("group");
    if ((rest === "") === (group === null)) throw new BadRequest(`${action} needs a neighbor's address, or group`);
    const text = parameters.get("text") ?? "";
    if (Buffer.byteLength(text) > MOST_TEXT)
      throw new BadRequest(`text must be at most ${MOST_TEXT} octets (RFC 9003)`);
    return control.administer(action, group === null ? { address: neighborOf(rest) } : { group }, text);
  };
  return {
    summary: get(() => ({
      head: { router: view.router() },
      list: "neighbors",
      slices: view.summarySlices(),
      isTable: false,
    })),
    readiness: get(() => ({ value: view.readiness() })),
    neighbor: get(({ rest }) => {
      if (rest === "") return { list: "neighbors", slices: view.neighborSlices(), isTable: false };
      const neighbors = [...view.neighborSlices(neighborOf(rest))].flat();
      if (neighbors.length === 0) throw unknownNeighbor(rest);
      return { value: { neighbors } };
    }),
    route: get(({ parameters }) => ({ list: "routes", slices: view.routes(queryOf(parameters)), isTable: true })),
    received: get(({ rest, parameters }) => table(rest, (address) => view.received(address, queryOf(parameters)))),
    advertised: get(({ rest, parameters }) => table(rest, (address) => view.advertised(address, queryOf(parameters)))),
    fib: get(() => ({ list: "routes", slices: view.fib(), isTable: true })),
    bfd: get(({ rest }) => {
      const sessions = view.bfd(rest === "" ? undefined : neighborOf(rest));
      if (rest !== "" && sessions.length === 0) throw new NotFound(`There is no BFD session with ${neighborOf(rest)}`);
      return { value: { sessions } };
    }),
    tunnels: get(() => ({ value: { tunnels: view.tunnels() } })),
    clashes: get(() => ({ list: "clashes", slices: view.clashes(), isTable: true })),
    explain: get(({ parameters }) => {
      const text = needed(parameters.get("prefix") ?? "", "a prefix or an address");
      const question = parseQuestion(text);
      if (typeof question === "string") throw new BadRequest(`Cannot explain ${JSON.stringify(text)}: it ${question}`);
      return { making: view.explainSlices(question) };
    }),
    reset: post(({ rest, parameters }) => {
      const soft = parameters.get("soft");
      if (soft !== null && soft !== "in" && soft !== "out") throw new BadRequest("soft must be in or out");
      const address = neighborOf(rest);
      control.reset(address, soft);
      return { value: { reset: address, soft } };
    }),
    reload: post(async () => ({ value: await control.reload() })),
    diff: {
      ...post(async ({ body }) => {
        if (body.length === 0) throw new BadRequest("The request needs a config as its body: {file, texts}");
        return { value: await control.diff(body) };
      }),
      takesBody: true,
    },
    announced: get(() => ({ list: "routes", slices: view.announced(), isTable: true })),
    announce: { ...post(async ({ body }) => ({ value: await control.announce(body) })), takesBody: true },
    withdraw: { ...post(async ({ body }) => ({ value: await control.withdraw(body) })), takesBody: true },
    mrt: post(async () => ({ value: { file: await control.dumpTables() } })),
    disable: post((request) => ({ value: administer("disable", request) })),
    enable: post((request) => ({ value: administer("enable", request) })),
    drain: post(async (request) => {
      const { rest, parameters } = request;
      if (rest !== "" || parameters.has("group")) return { value: administer("drain", request) };
      const text = parameters.get("wait") ?? "10";
      if (!/^\d{1,5}$/.test(text)) throw new BadRequest("wait must be a number of seconds");
      return { value: await control.drain(Number(text)) };
    }),
  };
}

const unknownNeighbor = (address: string): NotFound => new NotFound(`There is no neighbor ${address}`);

function needed(value: string, what: string): string {
  if (value === "") throw new BadRequest(`The request needs ${what}`);
  return value;
}

/** `2001:DB8:0::1` is the neighbor that is called `2001:db8::1`; a zone stays behind it. */
function canonical(text: string): string {
  const [bare = "", ...zone] = text.split("%");
  const words = tryParseAddress(bare);
  return words === undefined ? text : [formatAddress(words), ...zone].join("%");
}

const neighborOf = (rest: string): string => canonical(needed(rest, "a neighbor's address"));

function queryOf(parameters: URLSearchParams): RouteQuery {
  const query: { -readonly [key in keyof RouteQuery]: RouteQuery[key] } = {};
  const prefix = parameters.get("prefix");
  if (prefix !== null) {
    const question = parseQuestion(prefix);
    if (typeof question === "string") throw new BadRequest(`Cannot look up ${JSON.stringify(prefix)}: it ${question}`);
    query.prefix = question;
  }
  if (parameters.get("longer") === "true") query.longer = true;
  const family = parameters.get("family");
  if (family !== null) {
    const known = familyFromName(family);
    if (known === undefined) throw new BadRequest("family must be ipv4-unicast or ipv6-unicast");
    query.family = known;
  }
  const from = parameters.get("from");
  if (from !== null) query.from = canonical(from);
  return query;
}
