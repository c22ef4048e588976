import type { Explanation, NeighborDetail, Summary } from "../src/view/model.ts";
import { LiveView } from "../src/view/speaker-view.ts";
import type { PrefixQuestion } from "../src/view/view-port.ts";

/** The view of a speaker with a few neighbors: what the edges are given in slices as one piece. */
export class WholeView extends LiveView {
  summary(): Summary {
    return { router: this.router(), neighbors: [...this.summarySlices()].flat() };
  }

  neighbors(address?: string): NeighborDetail[] {
    return [...this.neighborSlices(address)].flat();
  }

  explain(question: PrefixQuestion): Explanation {
    const making = this.explainSlices(question);
    for (;;) {
      const { done, value } = making.next();
      if (done) return value;
    }
  }
}
