import { Flags } from "@oclif/core";
import type { PlanJson } from "../../cluster/setup/plan-text.js";
import { EXIT_CODES } from "../../lib/error-codes.js";
import { BaseCommand, configFlags, sourceFlags } from "../../lib/view/base-command.js";

export default class ClusterPlanCommand extends BaseCommand {
  static override summary = "Say what would make the machines of rehome.yaml a cluster, and what stands in the way.";
  static override description = `Looks at the two hosts and the tie-breaker, measures the backplane, asks the BMCs, and changes nothing. Every file is
shown as a difference, every command with its reason. Exit status 5 when something stands in the way;
docs/cluster-concerns.md explains every code.`;
  static override examples = [
    "<%= config.bin %> <%= command.id %>",
    { description: "For a program", command: "<%= config.bin %> <%= command.id %> --json" },
  ];
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    brief: Flags.boolean({ description: "leave out what changes in the files" }),
  };

  async run(): Promise<PlanJson> {
    const { flags } = await this.parse(ClusterPlanCommand);
    const [{ openCluster }, { planCluster, isBlocked }, { planText, planJson }] = await Promise.all([
      import("../../cluster/setup/session.js"),
      import("../../cluster/setup/plan.js"),
      import("../../cluster/setup/plan-text.js"),
    ]);
    const session = await openCluster({
      configPath: flags.config,
      acceptNewHostKey: flags["accept-new-host-key"],
      signal: this.signal,
    });
    const report = this.createReport();
    try {
      const { cluster, connections, passwords } = session;
      const plan = await planCluster(cluster, connections, { passwords, report, signal: this.signal });
      report.close();
      this.print(planText(plan, { diffs: !flags.brief }));
      if (isBlocked(plan)) process.exitCode = EXIT_CODES.refused.status;
      else if (plan.steps.some(({ needed }) => needed)) this.suggest("rehome cluster init");
      return planJson(plan);
    } finally {
      report.close();
      await session.close();
    }
  }
}
