import { Bird } from "../../../testbed/daemons/bird.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, ourTimers } from "../harness/texts.ts";

/** A reflector whose clients dial in by a range: a node of ours, one of BIRD's, and one that is taken out of the inventory. */
const block = "172.21.9.0/24";

const inventory = (...nodes: readonly (readonly [name: string, last: number])[]) =>
  `nodes:\n${nodes.map(([name, last]) => `  - {name: ${name}, address: 10.0.0.${last}}\n`).join("")}`;

const node = (last: number, originate: string) => `
router: {as: 65001, router-id: 10.0.0.${last}, address: 10.0.0.${last}}
originate: [{prefix: ${originate}, blackhole: true}]
neighbors: [{address: 10.0.0.250, remote-as: internal, ${ourTimers}}]
`;

scenario(
  "a node that the inventory has no longer is gone from every kernel, though it dialled in by a range and may restart",
  ["bird"],
  async ({ lab, step }) => {
    const lan = lab.switch("lan");
    const place = (name: string, last: number) => lab.host(name).plug(lan, { addresses: [`10.0.0.${last}/24`] });
    const reflector = new Peerage(
      place("rr", 250),
      `
router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
kernel: {fib: none}
topology: {mode: none, inventory: {file: nodes.yaml}}
dynamic-neighbors: [{range: 10.0.0.0/24, remote-as: internal, route-reflector-client: true, ${ourTimers}}]
`,
    );
    const all = [
      ["rr", 250],
      ["one", 1],
      ["bird", 2],
      ["gone", 9],
    ] as const;
    reflector.host.file("nodes.yaml", inventory(...all));
    const one = new Peerage(place("one", 1), node(1, "172.21.1.0/24"));
    const gone = new Peerage(place("gone", 9), node(9, block));
    const bird = new Bird(
      place("bird", 2),
      `
router id 10.0.0.2;
protocol direct { ipv4; }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
protocol bgp up { local 10.0.0.2 as 65001; neighbor 10.0.0.250 as 65001; ${birdTimers} ipv4 { import all; export none; }; }
`,
    );
    await Promise.all([reflector.start(), one.start(), gone.start(), bird.start()]);
    const inKernels = async () => {
      const routes = [await one.host.kernelRoute(block, "bgp"), await bird.host.kernelRoute(block, "bird")];
      return routes.map((route) => (route ? "has it" : "lacks it")).join(", ");
    };

    await step("every kernel has its block, and keeps it when the node dies: it may come back", async (t) => {
      await lab.until("both kernels have it", async () => (await inKernels()) === "has it, has it");
      await gone.daemon.signal("SIGKILL");
      await lab.until(
        "the reflector waits for it",
        async () => (await reflector.neighborRow("10.0.0.9"))?.state !== "Established",
      );
      t.equal(await inKernels(), "has it, has it");
    });

    await step("out of the inventory, its block leaves every kernel, and the others stay", async (t) => {
      reflector.host.file("nodes.yaml", inventory(...all.filter(([name]) => name !== "gone")));
      await reflector.reload();
      await lab.until("no kernel has it", async () => (await inKernels()) === "lacks it, lacks it", {
        withinSeconds: 20,
      });
      t.notOk(await reflector.neighborRow("10.0.0.9"));
      t.ok(await reflector.established("10.0.0.1", "10.0.0.2"));
    });

    await step("its address isn't let in by the range until the inventory has it again", async (t) => {
      await gone.restart();
      await lab.until("it was refused", () =>
        /10\.0\.0\.9 is no node of the inventory any more/.test(reflector.daemon.output),
      );
      t.equal(await inKernels(), "lacks it, lacks it");
      reflector.host.file("nodes.yaml", inventory(...all));
      await reflector.reload();
      await lab.until("both kernels have it again", async () => (await inKernels()) === "has it, has it");
    });
  },
);
