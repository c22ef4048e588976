import type { RequestWriter } from "../fib-writer/protocol-encode.ts";
import { Column } from "../lib/columns/column.ts";
import type { TargetId, TargetStore } from "./targets.ts";

/** Which targets the present writer was told of, by number: each is told once, before the first route that has it. */
export class ToldTargets {
  readonly #targets: TargetStore;
  readonly #out: RequestWriter;
  readonly #told = new Column(Uint8Array);
  /** Those that the writer may forget. */
  readonly #forgotten: TargetId[] = [];

  constructor(targets: TargetStore, out: RequestWriter) {
    this.#targets = targets;
    this.#out = out;
    targets.onFree((id) => this.#forget(id));
  }

  has(id: TargetId): boolean {
    return this.#told.get(id) !== 0;
  }

  tell(id: TargetId): void {
    this.#told.set(id, 1);
    this.#out.target(id, this.#targets.get(id));
  }

  /** The number will mean something else. */
  #forget(id: TargetId): void {
    if (!this.has(id)) return;
    this.#told.set(id, 0);
    this.#forgotten.push(id);
  }

  /** Tells the writer what it may forget. */
  flush(): void {
    for (const id of this.#forgotten) if (!this.has(id)) this.#out.forgetTarget(id);
    this.#forgotten.length = 0;
  }

  /** Another writer: it knows nothing. */
  clear(): void {
    this.#told.clear();
    this.#forgotten.length = 0;
  }
}
