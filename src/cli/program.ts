import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { nearest } from "../config/nearest.ts";
import { escapedJson, escapeText } from "../lib/escape.ts";
import type { ErrorAnswer } from "../view/model.ts";
import { asFailure, CliFailure, type CliIo, Exit, OutputClosed } from "./io.ts";
import type { Goal } from "./wait.ts";

/**
 * The command line. Whatever asks a running daemon speaks to its control socket and nothing else; `run` and `lab` are
 * handed in by the composition root, which alone can build a speaker.
 *
 * Results go to stdout, what went wrong to stderr, the outcome into the exit code: 0 done, 1 failed, 2 wrong usage or a
 * bad config, 3 not healthy.
 */
export interface Commands {
  /** The daemon in the foreground; returns the exit code. May throw `ConfigErrors`, or an error with one clear sentence. */
  run(options: { readonly config: string }): Promise<number>;
  /** A topology of several speakers on this machine. */
  lab(options: { readonly file: string | null; readonly root: boolean }): Promise<number>;
  /** Any other command begins: a signal may end it as it ends any program. */
  other?(): void;
  readonly version: string;
}

/** Carries out a command line (without the program's own name) and returns the exit code; never throws. */
export async function runCli(words: readonly string[], commands: Commands, io: CliIo): Promise<number> {
  const json = words.includes("--json");
  try {
    const state: State = { code: Exit.done, help: "" };
    const program = buildProgram(commands, io, state);
    try {
      await program.parseAsync(expandCommand(words, program), { from: "user" });
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      // Help and version end the same way as errors do.
      if (error.exitCode !== 0) throw new CliFailure(Exit.usage, sentence(error.message));
    }
    if (state.help !== "") await io.out(state.help);
    return state.code;
  } catch (thrown) {
    const error = asFailure(thrown);
    if (error instanceof OutputClosed) return Exit.done;
    const failure = error instanceof CliFailure ? error : new CliFailure(Exit.failed, (error as Error).message);
    io.err(json ? asJson(failure) : asText(failure));
    return failure.code;
  }
}

/** What the actions of one command line leave behind. */
interface State {
  code: number;
  help: string;
}

const asJson = ({ errors }: CliFailure): string => {
  const answer: ErrorAnswer = { error: errors[0]!, ...(errors.length > 1 ? { errors: [...errors] } : {}) };
  return `${escapedJson(answer)}\n`;
};

const asText = ({ errors }: CliFailure): string =>
  errors
    .map(({ message, place }) => `${place ?? "peerage"}: ${message.split("\n").map(escapeText).join("\n")}\n`)
    .join("");

/** Commander says "error: missing required argument 'file'". */
const sentence = (message: string): string => {
  const text = message.replace(/^error: /, "");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
};

function buildProgram(commands: Commands, io: CliIo, state: State): Command {
  const program = new Command("peerage")
    .description("A BGP-4 speaker and route reflector.")
    .version(commands.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        state.help += text;
      },
      // What went wrong is said once, by `runCli`.
      writeErr: () => {},
    })
    .addHelpText(
      "after",
      "\nCommands may be shortened as long as one is meant: `peerage sum`, `peerage nei`.\nExit codes: 0 done, 1 failed, 2 wrong usage or a bad config, 3 not healthy.",
    );
  const add = (usage: string, about: string): Command =>
    program.command(usage).description(about).allowExcessArguments(false).exitOverride();
  /** One that asks the daemon. */
  const ask = (usage: string, about: string): Command =>
    add(usage, about)
      .option("--json", "print JSON, also for errors")
      .option("--socket <path>", "the daemon's control socket (default: $PEERAGE_SOCKET or /run/peerage/peerage.sock)");
  /** The arguments of an action end with its options and its command. */
  const does = <A extends unknown[]>(command: Command, action: (...words: A) => Promise<number>): void => {
    command.action(async (...words: unknown[]) => {
      state.code = await action(...(words.slice(0, -1) as A));
    });
  };
  program.hook("preAction", (_, command) => {
    if (!["run", "lab"].includes(command.name())) commands.other?.();
  });
  const daemon = async () => new (await import("./daemon-commands.ts")).DaemonCommands(io);
  const family = () => new Option("--family <family>", "only this family").choices(["ipv4-unicast", "ipv6-unicast"]);

  does<[{ config: string }]>(
    add("run", "Run the daemon in the foreground. SIGTERM stops it gracefully, SIGHUP reloads.").requiredOption(
      "-c, --config <file>",
      "the configuration",
    ),
    ({ config }) => commands.run({ config }),
  );
  does<[string, { effective?: boolean; json?: boolean; as?: string }]>(
    add("check <file>", "Check a configuration; every error is told with file, line and column.")
      .option("--effective", "print it with every default written out")
      .option("--as <node>", "read it as on that node of its inventory, not as on this machine")
      .option("--json", "print JSON, also for errors"),
    // Reading YAML takes longer than all else here: only who needs it loads it.
    async (file, options) => (await import("./check.ts")).check(file, options, io),
  );
  does<[{ check?: boolean }]>(
    ask("summary", "One row for each neighbor.").option(
      "--check",
      "exit with 3 unless the daemon is ready and all neighbors are established",
    ),
    async (options) => (await daemon()).summary(options),
  );
  does<[Goal, { timeout: number }]>(
    ask("wait <goal>", "Wait until the daemon has come back (ready), or until nothing is under way (converged).")
      .addHelpText(
        "after",
        "\nGoals:\n  ready      decided, written into the kernel and told to everyone who is up, once since the start\n  converged  nothing is under way, through one whole second",
      )
      .option("--timeout <seconds>", "how long to wait; 3 when it is over, 1 if there is no daemon", wholeSeconds, 60),
    async (goal, options) => (await daemon()).wait(goalOf(goal), options),
  );
  does<[string | undefined, object]>(
    ask("neighbor [address]", "Everything about neighbors: state and reasons, timers, capabilities, counters."),
    async (address, options) => (await daemon()).neighbor(address, options),
  );
  does<[string | undefined, object]>(
    ask("route [prefix]", "The routes that were chosen, beside all that could have been.")
      .option("--longer", "also the prefixes inside it")
      .addOption(family())
      .option("--from <address>", "only paths from this neighbor"),
    async (prefix, options) => (await daemon()).route(prefix, options),
  );
  for (const [name, about] of [
    ["received", "What a neighbor told us, rejected routes too, with the line of the policy."],
    ["advertised", "What we tell a neighbor."],
  ] as const)
    does<[string, string | undefined, object]>(
      ask(`${name} <address> [prefix]`, about).option("--longer", "also the prefixes inside it").addOption(family()),
      async (address, prefix, options) => (await daemon())[name](address, prefix, options),
    );
  does<[{ check?: boolean }]>(
    ask("fib", "The kernel routes that we want, beside what the kernel holds.").option(
      "--check",
      "exit with 3 unless all are installed",
    ),
    async (options) => (await daemon()).fib(options),
  );
  does<[string | undefined, object]>(
    ask("bfd [address]", "BFD sessions: state, agreed times, and why they went down last."),
    async (address, options) => (await daemon()).bfd(address, options),
  );
  const several = (value: string, before: readonly string[] = []): string[] => [...before, value];
  does<[string[], object]>(
    ask(
      "announce <prefix...>",
      "Originate routes from now on, until they are withdrawn or the daemon ends; all of them or none.",
    )
      .option("--next-hop <address>", "sent as it stands, instead of our address on each session")
      .option("--community <community>", "again for more", several)
      .option("--large-community <community>", "again for more", several)
      .option("--local-pref <number>", "LOCAL_PREF for internal neighbors")
      .option("--med <number>", "MED")
      .option("--blackhole", "also a blackhole in the kernel")
      .option("--for <seconds>", "take them back by itself after that time")
      .option("--force", "also what the inventory gives to another node")
      .addHelpText(
        "after",
        "\nWith - instead of prefixes, lines of standard input: PREFIX [key=value ...], keys as the options without dashes.",
      ),
    async (prefixes, options) => (await daemon()).announce(prefixes, options),
  );
  does<[string[], object]>(
    ask("withdraw <prefix...>", "Take back what was announced by command (- reads lines of standard input)."),
    async (prefixes, options) => (await daemon()).withdraw(prefixes, options),
  );
  does<[object]>(ask("announced", "What we originate, by what, and what is held back."), async (options) =>
    (await daemon()).announced(options),
  );
  does<[string, object]>(
    ask("explain <prefix>", "The whole way of a prefix: who announced it, why one won, where it went."),
    async (prefix, options) => (await daemon()).explain(prefix, options),
  );
  does<[string, object]>(
    ask("diff <file>", "What a configuration would change; changes nothing."),
    async (file, options) => (await daemon()).diff(file, options),
  );
  does<[object]>(ask("reload", "Read the configuration again and apply the difference."), async (options) =>
    (await daemon()).reload(options),
  );
  does<[string, object]>(
    ask("reset <address>", "End the session with a neighbor, or refresh its routes.").addOption(
      new Option("--soft <direction>", "keep the session: ask for its routes again, or send ours again").choices([
        "in",
        "out",
      ]),
    ),
    async (address, options) => (await daemon()).reset(address, options),
  );
  does<[string | undefined, { group?: string; text?: string }]>(
    ask("disable [address]", "Shut one neighbor or a group down, until it is enabled.")
      .option("--group <name>", "all of a peer group, those to come too")
      .option("--text <text>", "why: the neighbor is told"),
    async (address, options) => (await daemon()).administer("disable", address, options),
  );
  does<[string | undefined, { group?: string }]>(
    ask("enable [address]", "Let one neighbor or a group come back.").option("--group <name>", "all of a peer group"),
    async (address, options) => (await daemon()).administer("enable", address, options),
  );
  does<[string | undefined, { wait?: number; group?: string }]>(
    ask(
      "drain [address]",
      "Ask one neighbor or a group to turn away; without either: leave for good, withdraw, then stop.",
    )
      .option("--group <name>", "all of a peer group")
      .option("--wait <seconds>", "leaving: how long peers get after they have taken the news", wholeSeconds, 10),
    async (address, options) =>
      address === undefined && options.group === undefined
        ? (await daemon()).drain(options)
        : (await daemon()).administer("drain", address, options),
  );
  does<[{ config?: string; json?: boolean; socket?: string }]>(
    ask("doctor", "Check this host: ports, capabilities, MTU, forwarding and more.").option(
      "-c, --config <file>",
      "also check what this configuration needs",
    ),
    async (options) => (await import("./doctor/doctor.ts")).doctor(options, io),
  );
  does<[string | undefined, { dump?: boolean; json?: boolean }]>(
    ask(
      "mrt [file]",
      "Print a file of routes or messages (MRT, RFC 6396; also compressed by gzip). `-` is stdin.",
    ).option("--dump", "have the daemon write its tables into such a file now, and print its name"),
    async (file, options) => {
      if (options.dump === true && file === undefined) return (await daemon()).dumpTables(options);
      if (options.dump === true || file === undefined)
        throw new CliFailure(Exit.usage, "mrt wants either a file to print or --dump");
      return (await import("./mrt.ts")).printMrt(file, options, io);
    },
  );
  does<[string | undefined, { root: boolean }]>(
    add("lab [file]", "Bring up a topology of several speakers on this machine and show it live.").option(
      "--no-root",
      "loopback addresses and routes in memory, even as root",
    ),
    (file, { root }) => commands.lab({ file: file ?? null, root }),
  );
  return program;
}

/** @throws CliFailure */
function goalOf(word: string): Goal {
  if (word === "ready" || word === "converged") return word;
  throw new CliFailure(Exit.usage, `Cannot wait for ${JSON.stringify(word)}: there are ready and converged`);
}

function wholeSeconds(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError("It must be a number of seconds.");
  return Number(text);
}

/** `peerage sum` is `peerage summary`. @throws CliFailure if no command, or more than one, is meant */
function expandCommand(words: readonly string[], program: Command): string[] {
  const [first, ...rest] = optionsBehind(words);
  if (first === undefined) return ["--help"];
  if (first.startsWith("-")) return [...words];
  const names = [...program.commands.map((command) => command.name()), "help"];
  const command = meantBy(first, names);
  return command === "help" && rest[0] !== undefined ? [command, meantBy(rest[0], names)] : [command, ...rest];
}

/** The command that a word, whole or the beginning of one, stands for. @throws CliFailure */
function meantBy(word: string, names: readonly string[]): string {
  if (names.includes(word)) return word;
  const meant = names.filter((name) => name.startsWith(word));
  if (meant.length === 1) return meant[0]!;
  if (meant.length > 1) throw new CliFailure(Exit.usage, `"${word}" may mean ${meant.join(", ")}`);
  const near = nearest(word, names);
  const hint = near?.close ? `did you mean "${near.word}"?` : `there are ${names.join(", ")}`;
  throw new CliFailure(Exit.usage, `Unknown command "${word}": ${hint}`);
}

/** `peerage --json --socket PATH summary` means the same as with the options behind the command. */
function optionsBehind(words: readonly string[]): string[] {
  let at = 0;
  for (;;) {
    if (words[at] === "--socket") at += 2;
    else if (words[at] === "--json" || words[at]?.startsWith("--socket=")) at++;
    else break;
  }
  return at === 0 || at >= words.length ? [...words] : [...words.slice(at), ...words.slice(0, at)];
}
