import { Args } from "@oclif/core";
import type { ForeseenChange } from "../../cluster/foresee.js";
import { BaseCommand, clusterFlags, dryRunFlag } from "../../lib/view/base-command.js";

export default class ClusterClear extends BaseCommand {
  static override description =
    "End what rehome cluster move, crm or pcs asked of a resource: it may run anywhere again.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> web1",
    "<%= config.bin %> <%= command.id %> web1 host2 --dry-run",
  ];
  static override args = {
    resource: Args.string({ description: "its id", required: true }),
    node: Args.string({ description: "as far as this node is concerned; all without it" }),
  };
  static override flags = { ...clusterFlags, ...dryRunFlag };

  async run(): Promise<ForeseenChange> {
    const { args, flags } = await this.parse(ClusterClear);
    const [{ withCluster }, { changeText }, { inTurn }, moves, { nodeId }, { changeForeseen, movesText }] =
      await Promise.all([
        import("../../cluster/choose.js"),
        import("../../cluster/change.js"),
        import("../../cluster/control.js"),
        import("../../cluster/moves.js"),
        import("../../cluster/cib/edit.js"),
        import("../../cluster/foresee.js"),
      ]);
    const { resource, node } = args;
    const result = await withCluster(this.clusterChoice(flags), (cluster) =>
      changeForeseen({
        ...{ cluster, dryRun: flags["dry-run"], force: true },
        editOf: (cib) => {
          if (node !== undefined) nodeId(cib, node);
          const ids = new Set([resource, moves.outermostId(cib, resource)]);
          return inTurn(...[...ids].map((id) => moves.clearMoves(id, node)));
        },
        objection: () => undefined,
      }),
    );
    const what = `${resource} is free to run ${node === undefined ? "anywhere" : `on ${node} or not`}`;
    this.print(result.dryRun ? "nothing is changed; with this" : changeText(what, result));
    this.print(movesText(result));
    if (result.dryRun) this.suggest(`rehome cluster clear ${resource}${node === undefined ? "" : ` ${node}`}`);
    return result;
  }
}
