import { Args } from "@oclif/core";
import type { ForeseenChange } from "../../cluster/foresee.js";
import { BaseCommand, clusterFlags, foreseenFlags } from "../../lib/view/base-command.js";

export default class ClusterPromote extends BaseCommand {
  static override description = "Let a promotable clone be promoted: DRBD primary, for one.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> drbd-web1",
    "<%= config.bin %> <%= command.id %> drbd-web1 --dry-run",
  ];
  static override args = { resource: Args.string({ description: "its id", required: true }) };
  static override flags = { ...clusterFlags, ...foreseenFlags };

  async run(): Promise<ForeseenChange> {
    const { args, flags } = await this.parse(ClusterPromote);
    const [{ locateCluster }, { changeText }, { setTargetRole }, { promotable }, foreseeing] = await Promise.all([
      import("../../cluster/locate.js"),
      import("../../cluster/change.js"),
      import("../../cluster/control.js"),
      import("../../cluster/moves.js"),
      import("../../cluster/foresee.js"),
    ]);
    const result = await foreseeing.changeForeseen({
      ...{ paths: await locateCluster(flags), client: "rehome cluster promote" },
      ...{ dryRun: flags["dry-run"], force: flags.force },
      editOf: (cib) => setTargetRole(promotable(cib, args.resource), "Promoted"),
      objection: (cib, foreseen) => foreseeing.roleObjection(promotable(cib, args.resource), "Promoted", foreseen),
    });
    const what = `${args.resource} may be promoted`;
    this.print(result.dryRun ? "nothing is changed; with this" : changeText(what, result));
    this.print(foreseeing.movesText(result));
    if (result.dryRun) this.suggest(`rehome cluster promote ${args.resource}`);
    return result;
  }
}
