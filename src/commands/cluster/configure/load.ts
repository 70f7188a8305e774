import { Args } from "@oclif/core";
import type { ChangeResult } from "../../../cluster/change.js";
import { BaseCommand, clusterFlags } from "../../../lib/view/base-command.js";

type Loaded = ChangeResult & { readonly added: readonly string[]; readonly removed: readonly string[] };

export default class ClusterConfigureLoad extends BaseCommand {
  static override description = `Replace the configuration by that of a CIB. What runs is not forgotten.

The CIB is checked first; one with errors is refused, and the configuration in use stays. Resources that it does not
have any more are stopped. A real cluster takes only a CIB with its own nodes.`;
  static override examples = [
    "<%= config.bin %> cluster configure diff new-cib.xml",
    "<%= config.bin %> <%= command.id %> new-cib.xml",
  ];
  static override args = { file: Args.string({ description: "a CIB", required: true }) };
  static override flags = { ...clusterFlags };

  async run(): Promise<Loaded> {
    const { args, flags } = await this.parse(ClusterConfigureLoad);
    const [{ withCluster }, { changeCib, changeText }, configure] = await Promise.all([
      import("../../../cluster/choose.js"),
      import("../../../cluster/change.js"),
      import("../../../cluster/configure.js"),
    ]);
    const loaded = await configure.readConfiguration(args.file);
    const { before, result } = await withCluster(this.clusterChoice(flags), async (cluster) => {
      await cluster.ensureCib();
      const before = await cluster.read();
      if (cluster.backend === "pacemaker") configure.requireSameNodes(before, loaded, args.file);
      return { before, result: await changeCib(cluster, configure.replaceConfiguration(loaded)) };
    });
    const changes = configure.resourceChanges(before, loaded);
    this.print([
      changeText(`the configuration is that of ${args.file}`, result),
      ...(changes.added.length > 0 ? [`added: ${changes.added.join(", ")}`] : []),
      ...(changes.removed.length > 0 ? [`removed: ${changes.removed.join(", ")}`] : []),
    ]);
    return { ...result, ...changes };
  }
}
