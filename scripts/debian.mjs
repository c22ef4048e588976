// The other routing daemons and tools that the interop scenarios talk to, from Debian, where we may install them.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { withLock } from "./lock.mjs";

/** Package, a file that shows it is there, and what it is for. */
const packages = [
  ["iproute2", ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"]],
  ["iputils-ping", ["/usr/bin/ping", "/bin/ping"]],
  ["frr", ["/usr/lib/frr/bgpd"]],
  ["bird2", ["/usr/sbin/bird"]],
  ["gobgpd", ["/usr/bin/gobgpd", "/usr/sbin/gobgpd"]],
  ["openbgpd", ["/usr/sbin/bgpd"]],
  ["bgpdump", ["/usr/bin/bgpdump"]],
];
const services = ["frr", "bird", "bird6", "gobgpd", "openbgpd"];
const policy = "/usr/sbin/policy-rc.d";

const missing = () => packages.filter(([, files]) => !files.some((file) => existsSync(file))).map(([name]) => name);

/** Installs what is missing if it may. Returns the packages that are still missing, and says why. */
export async function ensureDebianPackages() {
  if (missing().length === 0) return [];
  if (process.getuid?.() !== 0) return refuse("not root");
  if (!existsSync("/usr/bin/apt-get")) return refuse("no apt-get on this system");
  mkdirSync("/run/lock", { recursive: true });
  await withLock("/run/lock/peerage-apt", "another installation of Debian packages", install);
  return missing();
}

function refuse(reason) {
  console.log(
    `Not installed: ${missing().join(", ")} (${reason}). The interop scenarios that need them will be skipped.`,
  );
  return missing();
}

function install() {
  const names = missing();
  if (names.length === 0) return;
  console.log(`Installing from Debian: ${names.join(", ")} ...`);
  // A routing daemon must not start on a machine because somebody ran a test: invoke-rc.d asks this file first.
  const guard = !existsSync(policy);
  if (guard) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const lists = apt("update", "-o", "APT::Update::Error-Mode=any");
    const add = (...which) => apt("install", "--yes", "--no-install-recommends", ...which);
    // Where one can't be had, apt-get installs none: then each for itself.
    const faults = add(...names) === null ? [] : names.map((name) => add(name)).filter((fault) => fault !== null);
    keepStopped();
    if (faults.length > 0) refuse([lists && `apt-get update: ${lists}`, ...faults].filter(Boolean).join("; "));
  } finally {
    if (guard) rmSync(policy, { force: true });
  }
}

/** ... nor at the next boot. */
function keepStopped() {
  if (!existsSync("/usr/bin/systemctl")) return;
  for (const name of services) spawnSync("systemctl", ["disable", "--quiet", `${name}.service`], { stdio: "ignore" });
}

/** What apt-get complains of in the end, in its words; null if it did what it was asked for. */
function apt(...words) {
  const run = spawnSync("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0", ...words], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    encoding: "utf8",
  });
  if (run.status === 0) return null;
  const complaints = (run.stderr ?? "").split("\n").filter((line) => /^[EW]: /.test(line));
  return (
    (complaints.find((line) => line.startsWith("E: ")) ?? complaints[0])?.slice(3) ?? run.error?.message ?? "failed"
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = (await ensureDebianPackages()).length === 0 ? 0 : 1;
