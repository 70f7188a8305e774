import { Args } from "@oclif/core";
import type { ChangeResult } from "../../cluster/change.js";
import { BaseCommand, clusterFlags } from "../../lib/view/base-command.js";

export default class ClusterUnmanage extends BaseCommand {
  static override description = "Leave a resource as it is: it is monitored, but neither started nor stopped.";
  static override examples = ["<%= config.bin %> <%= command.id %> web1"];
  static override args = { resource: Args.string({ description: "its id", required: true }) };
  static override flags = { ...clusterFlags };

  async run(): Promise<ChangeResult> {
    const { args, flags } = await this.parse(ClusterUnmanage);
    const [{ withCluster }, { changeCib, changeText }, { setManaged }] = await Promise.all([
      import("../../cluster/choose.js"),
      import("../../cluster/change.js"),
      import("../../cluster/control.js"),
    ]);
    const edit = setManaged(args.resource, false);
    const result = await withCluster(this.clusterChoice(flags), (cluster) => changeCib(cluster, edit));
    this.print(changeText(`${args.resource} is unmanaged`, result));
    return result;
  }
}
