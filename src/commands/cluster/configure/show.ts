import { BaseCommand, clusterFlags } from "../../../lib/view/base-command.js";

export default class ClusterConfigureShow extends BaseCommand {
  static override description = "Print the cluster's configuration as XML, without its status.";
  static override examples = ["<%= config.bin %> <%= command.id %>"];
  static override flags = { ...clusterFlags };

  async run(): Promise<{ readonly configuration: string }> {
    const { flags } = await this.parse(ClusterConfigureShow);
    const [{ withCluster }, { configurationText }] = await Promise.all([
      import("../../../cluster/choose.js"),
      import("../../../cluster/configure.js"),
    ]);
    const cib = await withCluster(this.clusterChoice(flags), (cluster) => cluster.read());
    const configuration = configurationText(cib);
    this.print(configuration.trimEnd());
    return { configuration };
  }
}
