import { Flags } from "@oclif/core";
import type { ClusterSummary } from "../../cluster/summary.js";
import type { Keeper } from "../../cluster/types.js";
import { BaseCommand, clusterFlags } from "../../lib/view/base-command.js";
import { isOutputLost } from "../../lib/view/lost-terminal.js";

const WATCH_MS = 1000;

export default class ClusterStatus extends BaseCommand {
  static override description = "Show nodes, resources, failed operations and attributes of the cluster.";
  static override examples = ["<%= config.bin %> <%= command.id %>", "<%= config.bin %> <%= command.id %> --watch"];
  static override flags = {
    ...clusterFlags,
    watch: Flags.boolean({ char: "w", description: "show it anew whenever it changes, until Ctrl-C" }),
  };

  async run(): Promise<ClusterSummary & { readonly keeper: Keeper | null }> {
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
        const summary = summarise(await cluster.read());
        const lines = summaryText(summary, keeper);
        const shown = lines.join("\n");
        if (shown !== last && !this.jsonEnabled())
          this.print([...(last === "" ? [] : ["", "—".repeat(40), ""]), ...lines]);
        last = shown;
        if (!flags.watch || this.jsonEnabled() || this.signal.aborted || isOutputLost())
          return { ...summary, keeper: keeper ?? null };
        await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
      }
    });
  }
}
