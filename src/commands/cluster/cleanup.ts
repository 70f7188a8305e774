import { Args, Flags } from "@oclif/core";
import type { ChangeResult } from "../../cluster/change.js";
import { BaseCommand, clusterFlags } from "../../lib/view/base-command.js";

export default class ClusterCleanup extends BaseCommand {
  static override description = "Forget failures, so that a resource is probed anew and may start where it had failed.";
  static override examples = [
    "<%= config.bin %> <%= command.id %>",
    "<%= config.bin %> <%= command.id %> web1 --node host1",
  ];
  static override args = { resource: Args.string({ description: "its id; all resources without one" }) };
  static override flags = {
    ...clusterFlags,
    node: Flags.string({ description: "on this node only", helpValue: "NAME" }),
  };

  async run(): Promise<ChangeResult> {
    const { args, flags } = await this.parse(ClusterCleanup);
    const [{ withCluster }, { changeResult, changeText }] = await Promise.all([
      import("../../cluster/choose.js"),
      import("../../cluster/change.js"),
    ]);
    const result = await withCluster(this.clusterChoice(flags), async (cluster) =>
      changeResult(cluster, await cluster.cleanUp(args.resource, flags.node)),
    );
    this.print(changeText(`failures of ${args.resource ?? "all resources"} are forgotten`, result));
    return result;
  }
}
