import t from "tap";
import { parseOptions } from "../../bench/options.ts";
import { documentTexts } from "../../bench/report/document.ts";
import { type ResultFile, superseded } from "../../bench/retention.ts";
import { namedIn, resultFiles } from "../../bench/store.ts";

const none = new Set<string>();
const day = (n: number) => `2026-01-${String(n).padStart(2, "0")}T00:00:00Z`;

function reflect(n: number, clients = 100, kind = "ours"): ResultFile {
  const { workload, scale, table, variant } = parseOptions(["reflect", "--clients", String(clients)]);
  const runs = [{ kind, label: kind, version: "1", phases: [], faults: [] }];
  return {
    name: `reflect${clients}-${n}.json`,
    content: { at: day(n), ...{ workload: workload.name, scale, table, variant, runs } },
  };
}

const scaling = (n: number, sizes: readonly number[], cost: object | null = null): ResultFile => ({
  name: `scaling-${n}.json`,
  content: {
    at: day(n),
    ...{
      scaling: sizes.map((nodes) => ({ label: "Peerage", topology: "mesh", nodes })),
      virtual: [],
      cost,
      faults: [],
    },
  },
});

t.test("the last two measurements of the same work stay", async (t) => {
  const files = [reflect(3), reflect(1), reflect(4), reflect(2), reflect(1, 10)];
  t.same(superseded(files, none), ["reflect100-1.json", "reflect100-2.json"]);
});

t.test("measurements of peers alone take no place of those with ours", async (t) => {
  t.same(superseded([reflect(1), reflect(2, 100, "bird"), reflect(3, 100, "bird"), reflect(4)], none), []);
});

t.test("a file with several figures stays as long as one of them is needed", async (t) => {
  const files = [scaling(1, [8, 16]), scaling(2, [8], {}), scaling(3, [8]), scaling(4, [8, 16])];
  t.same(superseded(files, none), [], "16 was measured twice, the cost once");
  t.same(superseded([...files, scaling(5, [16])], none), ["scaling-1.json"]);
});

t.test("rows of a part of the daemon are figures, each of its own", async (t) => {
  const fib = (n: number, ...who: string[]): ResultFile => ({
    name: `fib-2026010${n}-000000.json`,
    content: { at: day(n), ...{ count: 1000, rows: who.map((name) => ({ who: name, what: "add" })) } },
  });
  t.same(superseded([fib(1, "ip", "raw"), fib(2, "ip"), fib(3, "ip")], none), []);
  t.same(superseded([fib(1, "ip"), fib(2, "ip", "raw"), fib(3, "ip")], none), ["fib-20260101-000000.json"]);
});

t.test("what a document names stays", async (t) => {
  const named = namedIn(["see `bench/results/reflect100-1.json`, which"]);
  t.same([...named], ["reflect100-1.json"]);
  t.same(superseded([reflect(1), reflect(2), reflect(3), reflect(4)], named), ["reflect100-2.json"]);
});

t.test("bench/results holds what is needed and no more; `npm run bench -- report` removes the rest", async (t) => {
  t.same(superseded(resultFiles(), namedIn(documentTexts())), []);
});
