import t, { type Test } from "tap";
import { Lab } from "../../../testbed/lab.ts";
import { obstacle, type Tool } from "../../../testbed/obstacle.ts";

export interface Scenario {
  readonly lab: Lab;
  /** A sentence and its proof. When one fails, the later ones are failures too, without being tried: they build on it. */
  step(sentence: string, body: (t: Test) => Promise<void>): Promise<void>;
}

/**
 * A test with real daemons. It gets an empty lab that is removed afterwards, however it ends, and prints what all
 * daemons said if it fails. Without root or without a tool it is skipped with the reason, unless
 * PEERAGE_REQUIRE_INTEROP is set, as in CI, where that is a failure.
 */
export function scenario(title: string, needs: readonly Tool[], body: (scenario: Scenario) => Promise<void>): void {
  const reason = obstacle(needs);
  if (reason !== null) {
    if (process.env.PEERAGE_REQUIRE_INTEROP) t.test(title, async (t) => t.fail(`cannot run here: ${reason}`));
    else t.test(title, { skip: reason }, async () => {});
    return;
  }
  t.test(title, async (t) => {
    const lab = new Lab();
    let failed = false;
    const step = async (sentence: string, proof: (t: Test) => Promise<void>): Promise<void> => {
      const before = failed;
      let reached = false;
      await t.test(sentence, async (t) => {
        if (before) return void t.fail("not tried, as an earlier step failed");
        await proof(t);
        reached = true;
        failed ||= !t.passing();
      });
      failed ||= !reached;
      if (failed && !before) t.comment(`what the daemons said:\n${lab.logs()}`);
    };
    try {
      await body({ lab, step });
    } catch (error) {
      t.comment(`what the daemons said:\n${lab.logs()}`);
      throw error;
    } finally {
      lab.close();
    }
  });
}
