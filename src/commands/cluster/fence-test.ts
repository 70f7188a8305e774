import { Args, Flags } from "@oclif/core";
import type { FenceTestResult } from "../../cluster/setup/fence-test.js";
import { formatDuration, parseDuration } from "../../lib/units.js";
import { BaseCommand, configFlags, sourceFlags } from "../../lib/view/base-command.js";

export default class ClusterFenceTest extends BaseCommand {
  static override summary = "Fence a member of the cluster for real, and see that it comes back.";
  static override description = `Its power is cut through the cluster, as it would be when it hangs: whatever runs there is recovered elsewhere. Only
after this was done to every member is the cluster called highly available; the CIB remembers it, until the fencing
device is set up differently.`;
  static override examples = ["<%= config.bin %> <%= command.id %> beta"];
  static override args = { member: Args.string({ description: "its name in rehome.yaml", required: true }) };
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    yes: Flags.boolean({ char: "y", description: "do not ask first" }),
    timeout: Flags.string({ description: "how long it may take to come back", default: "15min", helpValue: "TIME" }),
  };

  async run(): Promise<FenceTestResult> {
    const { args, flags } = await this.parse(ClusterFenceTest);
    const [{ openCluster }, { fenceOutlook, fenceTest }, { connectMachine }] = await Promise.all([
      import("../../cluster/setup/session.js"),
      import("../../cluster/setup/fence-test.js"),
      import("../../cluster/setup/machines.js"),
    ]);
    const session = await openCluster({
      configPath: flags.config,
      acceptNewHostKey: flags["accept-new-host-key"],
      signal: this.signal,
    });
    const timeoutMs = parseDuration(flags.timeout);
    try {
      const { running, by } = await fenceOutlook(session, args.member);
      const consequence =
        running.length === 0 ? "Nothing runs there." : `What runs there stops at once: ${running.join(", ")}.`;
      if (!flags.yes) await this.confirm(`${by} cuts the power of ${args.member}. ${consequence}`);
      const report = this.createReport();
      try {
        const options = { connect: connectMachine, report, timeoutMs, signal: this.signal };
        return this.showResult(await fenceTest(session, args.member, options));
      } finally {
        report.close();
      }
    } finally {
      await session.close();
    }
  }

  private showResult(result: FenceTestResult): FenceTestResult {
    const { member, fencedBy, fencedMs, backMs, untested } = result;
    this.print(
      `${fencedBy} fenced ${member} in ${formatDuration(fencedMs)}; it was back after ${formatDuration(backMs)}`,
    );
    if (untested.length === 0) this.print("the fencing of every member was tested: the cluster is highly available");
    else this.suggest(`rehome cluster fence-test ${untested[0] ?? ""}`);
    return result;
  }
}
