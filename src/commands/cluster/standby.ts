import { Args } from "@oclif/core";
import type { ChangeResult } from "../../cluster/change.js";
import { BaseCommand, clusterFlags } from "../../lib/view/base-command.js";

export default class ClusterStandby extends BaseCommand {
  static override description = "Stop all resources of a node, or move them to another, and start none there.";
  static override examples = ["<%= config.bin %> <%= command.id %> host1"];
  static override args = { node: Args.string({ description: "its name", required: true }) };
  static override flags = { ...clusterFlags };

  async run(): Promise<ChangeResult> {
    const { args, flags } = await this.parse(ClusterStandby);
    const [{ withCluster }, { changeCib, changeText }, { setStandby }] = await Promise.all([
      import("../../cluster/choose.js"),
      import("../../cluster/change.js"),
      import("../../cluster/control.js"),
    ]);
    const edit = setStandby(args.node, true);
    const result = await withCluster(this.clusterChoice(flags), (cluster) => changeCib(cluster, edit));
    this.print(changeText(`${args.node} is on standby`, result));
    return result;
  }
}
