import { parentPort, workerData } from "node:worker_threads";
import { fewFilesAllowed, loadOneByOne } from "./few-files.ts";

/**
 * The reader of configs as a worker: reads one, says it in pieces (config/pieces.ts) or what is wrong with it, and is ended by
 * whoever started it (config/reader.ts). Alone of all the daemon's threads it loads YAML and the schema.
 */
if (fewFilesAllowed()) loadOneByOne();
const { answersTo } = await import("./config/answers.ts");
const port = parentPort!;
const answers = answersTo(workerData);
const say = () => {
  const { done, value } = answers.next();
  if (!done) port.postMessage(value);
};
port.on("message", say);
say();
