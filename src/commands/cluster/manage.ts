import { Args } from "@oclif/core";
import type { ChangeResult } from "../../cluster/change.js";
import { BaseCommand, clusterFlags } from "../../lib/view/base-command.js";

export default class ClusterManage extends BaseCommand {
  static override description = "Let the cluster start, stop and recover a resource again.";
  static override examples = ["<%= config.bin %> <%= command.id %> web1"];
  static override args = { resource: Args.string({ description: "its id", required: true }) };
  static override flags = { ...clusterFlags };

  async run(): Promise<ChangeResult> {
    const { args, flags } = await this.parse(ClusterManage);
    const [{ withCluster }, { changeCib, changeText }, { setManaged }] = await Promise.all([
      import("../../cluster/choose.js"),
      import("../../cluster/change.js"),
      import("../../cluster/control.js"),
    ]);
    const edit = setManaged(args.resource, true);
    const result = await withCluster(this.clusterChoice(flags), (cluster) => changeCib(cluster, edit));
    this.print(changeText(`${args.resource} is managed`, result));
    return result;
  }
}
