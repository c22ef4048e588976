import fc from "fast-check";
import t from "tap";
import { Regex, regexFault } from "../../../src/lib/regex/automaton.ts";

const matches = (pattern: string, text: string): boolean => new Regex(pattern).matches(text);

t.test("expressions of the field match the paths that they mean, and no others", async (t) => {
  const rows: [pattern: string, yes: readonly string[], no: readonly string[]][] = [
    ["^65[0-9]{3}( |$)", ["65001", "65001 7"], ["6500", "650011", "7 65001"]],
    ["^$", [""], ["1"]],
    ["", ["", "1"], []],
    ["_7_", ["7", "7 1", "1 7", "1 7 2"], ["17", "71", "1 77 2", ""]],
    ["^7_8$", ["7 8"], ["7 8 9", "78"]],
    ["(1|22)+$", ["1", "122", "3 1"], ["2", ""]],
    ["\\{1,2\\}", ["{1,2}", "9 {1,2}"], ["1 2"]],
    ["[{]1,", ["{1,2}"], ["1"]],
    ["^[^ ]+$", ["1", "{1,2}"], ["1 2", ""]],
    ["^[[:digit:]]+$", ["12"], ["1 2"]],
    ["[]]", ["[1]"], ["1"]],
    ["^[1-3-]$", ["2"], ["4"]],
    ["1{0}2", ["2", "12"], ["1"]],
    ["^(1{2,3}){2}$", ["1111", "111111"], ["111", "1111111"]],
    ["^1{2,}$", ["11", "111"], ["1"]],
    ["^1**$", ["", "111"], ["2"]],
    ["^(|1)2$", ["2", "12"], ["1"]],
    ["x", [], ["", "1"]],
    ["[a-z_]", [], ["1 2"]],
    ["$^", [""], ["1"]],
    ["(^)*1", ["1", "21"], ["2"]],
    ["(^1$)*$", ["1", "2"], []],
  ];
  for (const [pattern, yes, no] of rows) {
    for (const text of yes) t.ok(matches(pattern, text), `${pattern} matches "${text}"`);
    for (const text of no) t.notOk(matches(pattern, text), `${pattern} does not match "${text}"`);
  }
});

t.test("what is no expression is refused with the character where it goes wrong", async (t) => {
  const rows: [string, string][] = [
    ["(1", '"(" without ")" at character 1'],
    ["1)", '")" without "(" at character 2'],
    ["1[2", '"[" without "]" at character 2'],
    ["*1", '"*" has nothing before it to repeat at character 1'],
    ["1|+", '"+" has nothing before it to repeat at character 3'],
    ["{1,2}", '"{" has nothing before it to repeat at character 1'],
    ["1{,2}", '"{" that is none of {n}, {n,} and {n,m} (a set\'s brace is "\\{") at character 2'],
    ["1{3,2}", '"{3,2}", whose bounds are the wrong way round, at character 2'],
    ["1{256}", "more than 255 repetitions at character 2"],
    ["(1)\\1", '"\\1", a back reference, which extended expressions have not at character 4'],
    ["\\d", '"\\d", which POSIX does not know (a digit is [0-9], a word\'s edge _) at character 1'],
    ["1\\", '"\\" with nothing behind it at character 2'],
    ["[9-0]", '"9-0", whose ends are the wrong way round, at character 2'],
    ["[[.1.]]", '"[.", a collating element or equivalence class, which paths have not, at character 2'],
    ["1".repeat(1001), "more than 1000 characters at character 1001"],
    ["((((1{99}){99}){99}){99}){99}", "more than 4000 states with its repetitions written out, counted at character 1"],
    [`1${"{9}".repeat(333)}`, "more than 4000 states with its repetitions written out, counted at character 1"],
  ];
  for (const [pattern, fault] of rows) t.equal(regexFault(pattern), fault, pattern.slice(0, 40));
  t.match(regexFault("[[:digits:]]"), /^"\[:" that begins none of alnum, .* at character 2$/);
  t.equal(regexFault("1".repeat(1000)), undefined);
  t.equal(regexFault("(".repeat(499) + ")".repeat(499)), undefined, "deep nesting is no trouble");
});

/** Texts and patterns of few letters, so that they meet often. `_` and brackets as JavaScript writes them stand beside each. */
const piece: fc.Arbitrary<[ours: string, theirs: string]> = fc.letrec<{ node: [string, string] }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<[string, string]>(
      ["1", "1"],
      ["2", "2"],
      [" ", " "],
      [".", "."],
      ["[12]", "[12]"],
      ["[^1]", "[^1]"],
      ["_", "(?:^| |$)"],
      ["^", "(?:^)"],
      ["$", "(?:$)"],
      ["\\{", "\\{"],
    ),
    fc
      .tuple(tie("node"), fc.constantFrom("*", "+", "?", "{2}", "{1,2}", "{0,1}", "{1,}"))
      .map(([[a, b], times]): [string, string] => [`(${a})${times}`, `(?:${b})${times}`]),
    fc
      .array(tie("node"), { minLength: 1, maxLength: 4 })
      .map((all): [string, string] => [all.map(([a]) => a).join(""), all.map(([, b]) => b).join("")]),
    fc
      .array(tie("node"), { minLength: 2, maxLength: 3 })
      .map((all): [string, string] => [`(${all.map(([a]) => a).join("|")})`, `(?:${all.map(([, b]) => b).join("|")})`]),
  ),
})).node;

t.test("random expressions agree with another engine on random texts", async (t) => {
  const texts = fc.array(fc.string({ unit: fc.constantFrom("1", "2", " ", "{"), maxLength: 8 }), { maxLength: 12 });
  let yes = 0;
  let no = 0;
  fc.assert(
    fc.property(piece, texts, ([ours, theirs], all) => {
      const regex = new Regex(ours);
      const other = new RegExp(theirs);
      for (const text of ["", ...all]) {
        const wanted = other.test(text);
        if (wanted) yes++;
        else no++;
        if (regex.matches(text) !== wanted) throw new Error(`${ours} and "${text}": must be ${wanted}`);
      }
    }),
    { numRuns: 1000 },
  );
  t.ok(yes > 500 && no > 500, `${yes} matched, ${no} did not`);
});

t.test("patterns that hold other engines for ever cost steps in proportion to the text", async (t) => {
  for (const pattern of ["^(1+)+$", "^(1|11)*$", "(1*)*2", "^(1?){30}1{30}$", "(.*)*3$", "^(([0-9]+ ?)+)+$"]) {
    const cost = (length: number): number => {
      const regex = new Regex(pattern);
      regex.matches(`${"1".repeat(length)}2`);
      return regex.steps;
    };
    const [short, long] = [cost(1000), cost(10_000)];
    t.ok(long <= 11 * short, `${pattern}: ${short} steps for 1,000 characters, ${long} for 10,000`);
    t.ok(long < 100 * 10_000, `${pattern}: ${long} steps in all`);
  }
});

t.test("an expression whose sets of states are without number stays within its bounds", async (t) => {
  // Deterministic, this one has 2^18 states.
  const regex = new Regex("1.{17}2");
  let bits = 1;
  let text = "";
  for (let i = 0; i < 20_000; i++) {
    bits = (bits >>> 1) ^ (-(bits & 1) & 0xb400);
    text += bits & 1 ? "1" : "3";
  }
  t.notOk(regex.matches(text));
  t.ok(regex.matches(`${text}1${"3".repeat(17)}2`));
  t.ok(regex.steps < 45_000 * 60, `${regex.steps} steps`);
});
