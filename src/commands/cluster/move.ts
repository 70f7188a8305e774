import { Args, Flags } from "@oclif/core";
import type { ForeseenChange } from "../../cluster/foresee.js";
import type { Movable } from "../../cluster/moves.js";
import { BaseCommand, clusterFlags, foreseenFlags } from "../../lib/view/base-command.js";

type Moved = ForeseenChange & { readonly resource: string; readonly until?: string };

export default class ClusterMove extends BaseCommand {
  static override description = `Move a resource to a node, or away from where it is, and say what else moves with it.

A member of a group moves with its group; of a promotable clone, the promoted role moves. The wish is a location
constraint with the id that crm and pcs give it; it lasts until rehome cluster clear, or as long as --lifetime says.`;
  static override examples = [
    { description: "See what else would move", command: "<%= config.bin %> <%= command.id %> web1 host2 --dry-run" },
    {
      description: "For the time of a repair",
      command: "<%= config.bin %> <%= command.id %> web1 host2 --lifetime 2h",
    },
    { description: "Away from where it is", command: "<%= config.bin %> <%= command.id %> web1" },
  ];
  static override args = {
    resource: Args.string({ description: "its id", required: true }),
    node: Args.string({ description: "where to; away from where it is without it" }),
  };
  static override flags = {
    ...clusterFlags,
    ...foreseenFlags,
    lifetime: Flags.string({ description: "the wish ends by itself after this long", helpValue: "TIME" }),
  };

  async run(): Promise<Moved> {
    const { args, flags } = await this.parse(ClusterMove);
    const [{ withCluster }, { changeText }, moves, foreseeing, { parseDuration }] = await Promise.all([
      import("../../cluster/choose.js"),
      import("../../cluster/change.js"),
      import("../../cluster/moves.js"),
      import("../../cluster/foresee.js"),
      import("../../lib/units.js"),
    ]);
    const until = flags.lifetime === undefined ? undefined : Date.now() + parseDuration(flags.lifetime);
    const { node } = args;
    let moved: Movable | undefined;
    const result = await withCluster(this.clusterChoice(flags), (cluster) =>
      foreseeing.changeForeseen({
        ...{ cluster, dryRun: flags["dry-run"], force: flags.force },
        editOf: (cib) => {
          moved = moves.movable(cib, args.resource);
          if (node !== undefined) return moves.preferNode(moved, node, until);
          return moves.banNode(moved, foreseeing.presentNode(cib, moved, Date.now()), until);
        },
        objection: (cib, foreseen) => foreseeing.moveObjection(moves.movable(cib, args.resource), node, foreseen),
      }),
    );
    const resource = moved?.id ?? args.resource;
    const what = `${resource} is asked to ${node === undefined ? "leave its node" : `run on ${node}`}`;
    const end = until === undefined ? "" : ` until ${moves.momentText(until)}`;
    this.print(result.dryRun ? "nothing is changed; with this move" : changeText(`${what}${end}`, result));
    this.print(foreseeing.movesText(result));
    this.suggest(
      result.dryRun
        ? `rehome cluster move ${args.resource}${node === undefined ? "" : ` ${node}`}`
        : `rehome cluster clear ${resource}, when it may run anywhere again`,
    );
    return { ...result, resource, ...(until !== undefined && { until: moves.momentText(until) }) };
  }
}
