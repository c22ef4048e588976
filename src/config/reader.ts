import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { ConfigError, ConfigErrors, type Path } from "./errors.ts";
import type { Config, Place } from "./model.ts";
import { Assembly, type Piece } from "./pieces.ts";

/** A config that somebody sends, with the files that it names by absolute path: nothing is read from the disk then. */
export interface SentConfig {
  /** An absolute path: where the others lie, and what places are told by. */
  readonly file: string;
  readonly texts: Readonly<Record<string, string>>;
  /** Why whoever sends it couldn't read one. */
  readonly unreadable: Readonly<Record<string, string>>;
}

/** What the worker is asked for: a file, or a `SentConfig` as JSON, which may be large and is taken apart there. */
export type ReadOrder = { readonly file: string } | { readonly sent: Uint8Array };

/** What was sent is no `SentConfig`, in a sentence. */
export class NotAConfig extends Error {}

/** What the worker says: piece by piece, each when asked for the next, or what is wrong. */
export type ReadAnswer =
  | { readonly piece: Piece; readonly last: boolean }
  | { readonly faults: readonly { readonly message: string; readonly place: Place; readonly path: Path }[] }
  | { readonly notAConfig: string }
  | { readonly bug: string };

/** What reading may take meanwhile: three times what 100,000 lines of policy need. A larger file is refused. */
const MOST_MEMORY_MB = 1536;

/** The reader is a program of its own beside this one, whatever it is compiled to. */
const program = (): string => {
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`../config-reader-main.${suffix}`, import.meta.url));
};

/**
 * Reads and checks a config (load.ts) in a worker that ends with it: a large file keeps no session waiting, and what reading takes (YAML,
 * the schema, the text as a tree) is neither loaded nor kept by the daemon itself. The answer is unpacked here in pieces, with a turn
 * of the loop after each.
 * @param give called with the means to stop reading, which makes it fail
 * @throws ConfigErrors with everything that is wrong
 */
export function readConfig(order: ReadOrder, give?: (stop: () => void) => void): Promise<Config> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(program(), {
      workerData: order,
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
    });
    const assembly = new Assembly();
    give?.(() => void worker.terminate());
    const end = (settle: () => void): void => {
      worker.removeAllListeners();
      // What it still says on its way out is of no interest.
      worker.on("error", () => {});
      void worker.terminate().then(settle, settle);
    };
    worker.on("message", (answer: ReadAnswer) => {
      if ("faults" in answer)
        end(() =>
          reject(
            new ConfigErrors(answer.faults.map((fault) => new ConfigError(fault.message, fault.place, fault.path))),
          ),
        );
      else if ("notAConfig" in answer) end(() => reject(new NotAConfig(answer.notAConfig)));
      else if ("bug" in answer) end(() => reject(new Error(`The reader of the config failed: ${answer.bug}`)));
      else {
        assembly.add(answer.piece);
        if (answer.last) end(() => resolve(assembly.whole as Config));
        else worker.postMessage("next");
      }
    });
    worker.on("error", (error: NodeJS.ErrnoException) => {
      const place = { file: "file" in order ? order.file : "the config", line: 1, column: 1 };
      const tooLarge = error.code === "ERR_WORKER_OUT_OF_MEMORY";
      end(() =>
        reject(
          tooLarge
            ? new ConfigErrors([new ConfigError("Cannot read the config: it takes more memory than there is", place)])
            : error,
        ),
      );
    });
    worker.on("exit", () => reject(new Error("The reader of the config was stopped")));
  });
}
