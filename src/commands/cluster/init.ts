import { Flags } from "@oclif/core";
import type { InitResult } from "../../cluster/setup/init.js";
import type { PlanJson } from "../../cluster/setup/plan-text.js";
import { EXIT_CODES } from "../../lib/error-codes.js";
import { BaseCommand, configFlags, sourceFlags } from "../../lib/view/base-command.js";

export default class ClusterInit extends BaseCommand {
  static override summary = "Make the machines of rehome.yaml a cluster: LVM, DRBD, corosync, Pacemaker, fencing.";
  static override description = `Checks everything first, and refuses with reasons before anything is changed. What is so already is left alone: a
second run changes nothing, and one that was cut off goes on where it stopped. The files it writes are the plain ones
that every administrator knows; nothing depends on rehome afterwards.`;
  static override examples = [
    { description: "See what would be done", command: "<%= config.bin %> <%= command.id %> --dry-run" },
    "<%= config.bin %> <%= command.id %>",
  ];
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    "dry-run": Flags.boolean({ description: "print what would be done, and change nothing" }),
  };

  async run(): Promise<InitResult | PlanJson> {
    const { flags } = await this.parse(ClusterInit);
    const [{ openCluster }, { initCluster }, { isBlocked, planCluster }, { planJson, planText }] = await Promise.all([
      import("../../cluster/setup/session.js"),
      import("../../cluster/setup/init.js"),
      import("../../cluster/setup/plan.js"),
      import("../../cluster/setup/plan-text.js"),
    ]);
    const session = await openCluster({
      configPath: flags.config,
      acceptNewHostKey: flags["accept-new-host-key"],
      signal: this.signal,
    });
    const report = this.createReport();
    const options = { report, signal: this.signal };
    try {
      if (flags["dry-run"]) {
        const { cluster, connections, passwords } = session;
        const plan = await planCluster(cluster, connections, { passwords, ...options });
        report.close();
        this.print(planText(plan, { diffs: true }));
        if (isBlocked(plan)) process.exitCode = EXIT_CODES.refused.status;
        return planJson(plan);
      }
      const result = await initCluster(session, {
        ...options,
        onPlan: (plan) => this.print(planText({ ...plan, steps: [] }, { diffs: false })),
      });
      report.close();
      return this.showResult(session.cluster.name, result);
    } finally {
      report.close();
      await session.close();
    }
  }

  private showResult(name: string, result: InitResult): InitResult {
    const { changed, untested, highlyAvailable } = result;
    this.print(changed === 0 ? `cluster ${name}: nothing to do` : `cluster ${name} is set up (${changed} steps)`);
    if (highlyAvailable) this.print("it is highly available: the fencing of every member was tested");
    else {
      this.print(`it is not highly available yet: fencing was never tested on ${untested.join(", ")}`);
      this.suggest(`rehome cluster fence-test ${untested[0] ?? ""}`);
    }
    return result;
  }
}
