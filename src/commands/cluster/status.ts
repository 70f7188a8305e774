import { Flags } from "@oclif/core";
import type { Membership } from "../../cluster/pacemaker/membership.js";
import type { ClusterSummary } from "../../cluster/summary.js";
import type { Keeper } from "../../cluster/types.js";
import { BaseCommand, clusterFlags } from "../../lib/view/base-command.js";
import { isOutputLost } from "../../lib/view/lost-terminal.js";

const WATCH_MS = 1000;

type Status = ClusterSummary & { readonly keeper: Keeper | null; readonly membership: Membership | null };

export default class ClusterStatus extends BaseCommand {
  static override description = "Show nodes, resources, failed operations and attributes of the cluster.";
  static override examples = ["<%= config.bin %> <%= command.id %>", "<%= config.bin %> <%= command.id %> --watch"];
  static override flags = {
    ...clusterFlags,
    watch: Flags.boolean({ char: "w", description: "show it anew whenever it changes, until Ctrl-C" }),
  };

  async run(): Promise<Status> {
    const { flags } = await this.parse(ClusterStatus);
    const [{ withCluster }, { summarise }, { summaryText }] = await Promise.all([
      import("../../cluster/choose.js"),
      import("../../cluster/summary.js"),
      import("../../cluster/summary-text.js"),
    ]);
    return withCluster(this.clusterChoice(flags), async (cluster) => {
      let last = "";
      for (;;) {
        const keeper = await cluster.keeper();
        const membership = await cluster.membership();
        const summary = summarise(await cluster.read(), Date.now());
        const lines = summaryText(summary, keeper, membership);
        const shown = lines.join("\n");
        if (shown !== last && !this.jsonEnabled())
          this.print([...(last === "" ? [] : ["", "—".repeat(40), ""]), ...lines]);
        last = shown;
        if (!flags.watch || this.jsonEnabled() || this.signal.aborted || isOutputLost())
          return { ...summary, keeper: keeper ?? null, membership: membership ?? null };
        await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
      }
    });
  }
}
