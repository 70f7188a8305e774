import { BaseCommand, clusterFlags } from "../../../lib/view/base-command.js";

export default class ClusterConfigureShow extends BaseCommand {
  static override description = "Print the cluster's configuration as XML, without its status.";
  static override examples = ["<%= config.bin %> <%= command.id %>"];
  static override flags = { ...clusterFlags };

  async run(): Promise<{ readonly configuration: string }> {
    const { flags } = await this.parse(ClusterConfigureShow);
    const [{ locateCluster }, { fileCib }, { configurationText }] = await Promise.all([
      import("../../../cluster/locate.js"),
      import("../../../cluster/cib/store.js"),
      import("../../../cluster/configure.js"),
    ]);
    const store = fileCib(await locateCluster(flags), { client: "rehome cluster configure show" });
    const configuration = configurationText(await store.read());
    this.print(configuration.trimEnd());
    return { configuration };
  }
}
