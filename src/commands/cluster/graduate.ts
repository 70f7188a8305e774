import { hostname } from "node:os";
import { Flags } from "@oclif/core";
import type { GraduateContext, GraduateResult } from "../../cluster/graduate/index.js";
import type { GraduationJson } from "../../cluster/graduate/text.js";
import { EXIT_CODES } from "../../lib/error-codes.js";
import { BaseCommand, runtimeFlags } from "../../lib/view/base-command.js";

export default class ClusterGraduate extends BaseCommand {
  static override summary = "Hand what the bundled runtime keeps here to the real cluster, while it runs.";
  static override description = `Typed on the machine whose runtime it is, once that machine is a member of a cluster (rehome cluster init). The runtime
is ended without its resources; they are loaded into the cluster unmanaged, and managed by Pacemaker only when each was
found running as it was left, both rehome's scheduler and Pacemaker's own would leave all of them alone, and no runtime
can come back. The cluster's properties, defaults and fencing win over the runtime's. Cut off at any point, the same
command goes on.`;
  static override examples = [
    {
      description: "See what would be done, and what stands in the way",
      command: "<%= config.bin %> <%= command.id %> --dry-run",
    },
    "<%= config.bin %> <%= command.id %>",
  ];
  static override flags = {
    ...runtimeFlags,
    "dry-run": Flags.boolean({ description: "show what would be done, and change nothing" }),
    yes: Flags.boolean({ char: "y", description: "do not ask first" }),
    anywhere: Flags.boolean({
      description: "let the resources run on all hosts: all have what these need, such as replicated volumes",
    }),
    "start-lost": Flags.boolean({
      description: "let Pacemaker start what the runtime left running and is found stopped",
    }),
  };

  async run(): Promise<GraduateResult | GraduationJson | Pick<GraduateResult, "archive">> {
    const { flags } = await this.parse(ClusterGraduate);
    const [{ bundledPaths, clusterOfThisMachine }, { graduate, handedOver, planGraduation }, text, { localHost }] =
      await Promise.all([
        import("../../cluster/choose.js"),
        import("../../cluster/graduate/index.js"),
        import("../../cluster/graduate/text.js"),
        import("../../lib/host/local-host.js"),
      ]);
    const context: GraduateContext = {
      ...{ host: localHost(hostname()), node: hostname(), paths: await bundledPaths(flags) },
      ...{ cluster: clusterOfThisMachine(), pinned: !flags.anywhere },
    };
    const before = await handedOver(context.paths);
    if (before !== undefined) {
      this.print(`nothing to do: Pacemaker has it already; what the runtime had is kept in ${before}`);
      return { archive: before };
    }
    const plan = await planGraduation(context);
    this.print(text.graduationText(plan, context));
    if (flags["dry-run"]) {
      if (plan.blockers.length > 0) process.exitCode = EXIT_CODES.refused.status;
      else this.suggest("rehome cluster graduate");
      return text.graduationJson(plan);
    }
    const ids = plan.expected.map(({ id }) => id);
    if (!flags.yes && plan.blockers.length === 0) {
      await this.confirm(`Pacemaker takes over ${ids.join(", ")} from the bundled runtime.`);
    }
    const report = this.createReport();
    try {
      const result = await graduate(context, { startLost: flags["start-lost"], report, signal: this.signal });
      report.close();
      const { restarted } = result;
      const touched = restarted.length === 0 ? "nothing was restarted" : `started anew: ${restarted.join(", ")}`;
      this.print(["", `Pacemaker keeps ${ids.join(", ")} now; ${touched}`, ""]);
      this.print(text.wayBack(result.archive, context.paths.cib, ids));
      this.suggest("rehome cluster status");
      return result;
    } finally {
      report.close();
    }
  }
}
