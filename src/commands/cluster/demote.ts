import { Args } from "@oclif/core";
import type { ForeseenChange } from "../../cluster/foresee.js";
import { BaseCommand, clusterFlags, foreseenFlags } from "../../lib/view/base-command.js";

export default class ClusterDemote extends BaseCommand {
  static override description = "Demote a promotable clone everywhere, and keep it running so.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> drbd-web1",
    "<%= config.bin %> <%= command.id %> drbd-web1 --dry-run",
  ];
  static override args = { resource: Args.string({ description: "its id", required: true }) };
  static override flags = { ...clusterFlags, ...foreseenFlags };

  async run(): Promise<ForeseenChange> {
    const { args, flags } = await this.parse(ClusterDemote);
    const [{ withCluster }, { changeRole, movesText }, { changeText }] = await Promise.all([
      import("../../cluster/choose.js"),
      import("../../cluster/foresee.js"),
      import("../../cluster/change.js"),
    ]);
    const options = { dryRun: flags["dry-run"], force: flags.force };
    const result = await withCluster(this.clusterChoice(flags), (cluster) =>
      changeRole(cluster, args.resource, "Unpromoted", options),
    );
    this.print(
      result.dryRun ? "nothing is changed; with this" : changeText(`${args.resource} is kept unpromoted`, result),
    );
    this.print(movesText(result));
    if (result.dryRun) this.suggest(`rehome cluster demote ${args.resource}`);
    return result;
  }
}
