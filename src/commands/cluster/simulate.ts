import { Flags } from "@oclif/core";
import type { Situation, Transition } from "../../cluster/scheduler/types.js";
import type { Canonical } from "../../cluster/simulation/canonical.js";
import { BaseCommand, clusterFlags } from "../../lib/view/base-command.js";

/** The first transition in the canonical form; what follows it, and how things were before. */
type Simulated = Canonical & {
  readonly before: Situation;
  readonly then: readonly Canonical[];
  readonly settled: boolean;
  readonly warnings: readonly string[];
};

const node = (description: string, aliases: string[] = []) =>
  Flags.string({ description, helpValue: "NODE", multiple: true, helpGroup: "SUPPOSE", aliases });
const resource = (description: string, helpValue = "RESOURCE") =>
  Flags.string({ description, helpValue, multiple: true, helpGroup: "SUPPOSE" });

export default class ClusterSimulate extends BaseCommand {
  static override summary = "What would happen if …: decided by the scheduler, carried out in a simulation.";
  static override description = `Nothing is changed. Without a supposition it shows what is to be done now. The decision is the runtime's own; operations
are simulated in virtual time and succeed, unless told to fail with --op-fail. --json is the canonical form of a
transition: actions, orders, placement, nodes.`;
  static override examples = [
    {
      description: "Where guests run when a host dies",
      command: "<%= config.bin %> <%= command.id %> --node-fail host1",
    },
    {
      description: "Any CIB, with a picture",
      command: "<%= config.bin %> <%= command.id %> --cib new-cib.xml --svg plan.svg",
    },
    {
      description: "A failure that cannot be recovered there",
      command: "<%= config.bin %> <%= command.id %> --fail web1 --op-fail web1_start_0@host1=1",
    },
  ];
  static override flags = {
    ...clusterFlags,
    cib: Flags.string({ description: "this CIB instead of the one in use; - reads it", helpValue: "FILE", char: "x" }),
    at: Flags.string({ description: "at this time, ISO 8601", helpValue: "TIME", char: "t" }),
    "node-down": node("a node left in order"),
    "node-fail": node("a node vanished; it is fenced where fencing is on", ["node-lost"]),
    "node-up": node("a node came back"),
    standby: node("a node on standby", ["node-standby"]),
    online: node("a node no longer on standby"),
    maintenance: node("a node in maintenance"),
    fail: resource("a resource's monitor finds it not running", "RESOURCE[@NODE]"),
    start: resource("a resource is asked to start"),
    stop: resource("a resource is asked to stop"),
    set: resource("a node's attribute, such as one that ping keeps", "NODE:NAME=VALUE"),
    utilization: resource("what a node has or a resource takes", "NAME:ATTRIBUTE=VALUE"),
    quorum: Flags.boolean({ description: "with, or without quorum", allowNo: true, helpGroup: "SUPPOSE" }),
    "op-inject": resource("an operation gave this result", "RESOURCE_TASK_INTERVAL@NODE=RC"),
    "op-fail": resource("an operation gives this when it is tried", "RESOURCE_TASK_INTERVAL@NODE=RC"),
    dot: Flags.string({ description: "write the first transition as a DOT graph; - prints it", helpValue: "FILE" }),
    svg: Flags.string({ description: "draw the first transition with Graphviz; - prints it", helpValue: "FILE" }),
    scores: Flags.boolean({ description: "also the scores that placed resources", char: "s" }),
    save: Flags.string({ description: "write the CIB as it would be afterwards", helpValue: "FILE", char: "O" }),
  };

  async run(): Promise<Simulated> {
    const { flags } = await this.parse(ClusterSimulate);
    const [{ whatIf }, request, { canonicalForm }, { simulationText, scoresText }, { localHost }, { writeXml }] =
      await Promise.all([
        import("../../cluster/simulation/what-if.js"),
        import("../../cluster/simulation/request.js"),
        import("../../cluster/simulation/canonical.js"),
        import("../../cluster/simulation/text.js"),
        import("../../lib/host/local-host.js"),
        import("../../lib/xml.js"),
      ]);
    const cib = await this.readCib(flags.cib, this.clusterChoice(flags));
    const now = flags.at === undefined ? Date.now() : request.parseMoment(flags.at);
    const suppositions = {
      ...flags,
      nodeDown: flags["node-down"],
      nodeFail: flags["node-fail"],
      nodeUp: flags["node-up"],
      opInject: flags["op-inject"],
    };
    const simulation = await whatIf(cib, {
      injections: request.injectionsOf(suppositions, now),
      failures: request.plannedFailures(flags["op-fail"] ?? []),
      now,
    });
    const [first, ...others] = simulation.rounds.map(({ transition, after }) => canonicalForm(transition, after));
    const { decided, before, settled, warnings } = simulation;
    const printsGraph = await this.draw(flags, decided);
    if (!printsGraph) this.print(simulationText(simulation));
    if (!printsGraph && flags.scores) this.print(["", ...scoresText(decided.scores)]);
    if (flags.save !== undefined) await localHost().writeFile(flags.save, writeXml(simulation.cib), 0o600);
    return { ...(first ?? canonicalForm(decided, decided.present)), before, then: others, settled, warnings };
  }

  private async readCib(path: string | undefined, choice: ReturnType<ClusterSimulate["clusterChoice"]>) {
    const [{ parseCib }, { withCluster }, { readCib }] = await Promise.all([
      import("../../cluster/cib/check.js"),
      import("../../cluster/choose.js"),
      import("../../cluster/cib/store.js"),
    ]);
    if (path === undefined) return withCluster(choice, (cluster) => cluster.read());
    if (path !== "-") return readCib(path);
    const { text } = await import("node:stream/consumers");
    return parseCib(await text(process.stdin), "standard input");
  }

  /** @returns whether a graph was printed instead of the tables */
  private async draw(
    { dot, svg }: { readonly dot: string | undefined; readonly svg: string | undefined },
    transition: Transition,
  ): Promise<boolean> {
    if (dot === undefined && svg === undefined) return false;
    const [{ dotOf, svgOf }, { localHost }] = await Promise.all([
      import("../../cluster/simulation/drawing.js"),
      import("../../lib/host/local-host.js"),
    ]);
    const host = localHost();
    const drawings = [
      { path: dot, draw: () => Promise.resolve(dotOf(transition)) },
      { path: svg, draw: () => svgOf(host, transition) },
    ];
    for (const { path, draw } of drawings) {
      if (path === "-") this.print((await draw()).trimEnd());
      else if (path !== undefined) await host.writeFile(path, await draw());
    }
    return dot === "-" || svg === "-";
  }
}
