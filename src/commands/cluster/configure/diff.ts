import { Args } from "@oclif/core";
import { BaseCommand, clusterFlags } from "../../../lib/view/base-command.js";

export default class ClusterConfigureDiff extends BaseCommand {
  static override description = "Show what loading a CIB would change in the configuration.";
  static override examples = ["<%= config.bin %> <%= command.id %> new-cib.xml"];
  static override args = { file: Args.string({ description: "a CIB", required: true }) };
  static override flags = { ...clusterFlags };

  async run(): Promise<{ readonly diff: string }> {
    const { args, flags } = await this.parse(ClusterConfigureDiff);
    const [{ withCluster }, { configurationDiff, readConfiguration }] = await Promise.all([
      import("../../../cluster/choose.js"),
      import("../../../cluster/configure.js"),
    ]);
    const cib = await withCluster(this.clusterChoice(flags), (cluster) => cluster.read());
    const diff = await configurationDiff(cib, await readConfiguration(args.file), args.file);
    this.print(diff === "" ? "no difference" : diff.trimEnd());
    return { diff };
  }
}
