import { Flags } from "@oclif/core";
import type { ClusterSummary } from "../../cluster/summary.js";
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

  async run(): Promise<ClusterSummary & { readonly runtime: { readonly pid: number } | null }> {
    const { flags } = await this.parse(ClusterStatus);
    const [{ locateCluster }, { fileCib }, { summarise }, { summaryText }, { runtimeOf }] = await Promise.all([
      import("../../cluster/locate.js"),
      import("../../cluster/cib/store.js"),
      import("../../cluster/summary.js"),
      import("../../cluster/summary-text.js"),
      import("../../cluster/change.js"),
    ]);
    const paths = await locateCluster(flags);
    const store = fileCib(paths, { client: "rehome cluster status" });
    let last = "";
    for (;;) {
      const runtime = await runtimeOf(paths);
      const summary = summarise(await store.read());
      const lines = summaryText(summary, runtime);
      const shown = lines.join("\n");
      if (shown !== last && !this.jsonEnabled())
        this.print([...(last === "" ? [] : ["", "—".repeat(40), ""]), ...lines]);
      last = shown;
      if (!flags.watch || this.jsonEnabled() || this.signal.aborted || isOutputLost())
        return { ...summary, runtime: runtime ?? null };
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    }
  }
}
