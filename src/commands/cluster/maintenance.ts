import { Args, Flags } from "@oclif/core";
import type { ChangeResult } from "../../cluster/change.js";
import { BaseCommand, clusterFlags } from "../../lib/view/base-command.js";

export default class ClusterMaintenance extends BaseCommand {
  static override description = "Leave everything as it is while somebody works on it: no monitor, start or stop.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> on",
    "<%= config.bin %> <%= command.id %> off --node host1",
  ];
  static override args = {
    mode: Args.string({ options: ["on", "off"], required: true, description: "begin or end it" }),
  };
  static override flags = { ...clusterFlags, node: Flags.string({ description: "this node only", helpValue: "NAME" }) };

  async run(): Promise<ChangeResult> {
    const { args, flags } = await this.parse(ClusterMaintenance);
    const [{ withCluster }, { changeCib, changeText }, { setMaintenance }] = await Promise.all([
      import("../../cluster/choose.js"),
      import("../../cluster/change.js"),
      import("../../cluster/control.js"),
    ]);
    const edit = setMaintenance(flags.node, args.mode === "on");
    const result = await withCluster(this.clusterChoice(flags), (cluster) => changeCib(cluster, edit));
    this.print(changeText(`maintenance of ${flags.node ?? "the whole cluster"} is ${args.mode}`, result));
    return result;
  }
}
