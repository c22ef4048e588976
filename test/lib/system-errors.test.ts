import t from "tap";
import { systemReason } from "../../src/lib/system-errors.ts";

const refused = (code: string) => Object.assign(new Error(`${code}: what the runtime says`), { code });

t.test("an error of the system is told in words, and in better ones where what was tried has them", async (t) => {
  t.equal(systemReason(refused("EACCES")), "permission denied");
  t.equal(systemReason(refused("EADDRINUSE"), { EADDRINUSE: "no free local port" }), "no free local port");
  t.equal(systemReason(refused("EACCES"), { EADDRINUSE: "no free local port" }), "permission denied");
});

t.test("an error without words of ours says what it says itself", async (t) => {
  t.equal(systemReason(refused("EWHATEVER")), "EWHATEVER: what the runtime says");
  t.equal(systemReason(new Error("no code at all")), "no code at all");
  t.equal(systemReason("a string"), "a string");
});
