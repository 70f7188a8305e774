import { Args, Flags } from "@oclif/core";
import { BaseCommand, clusterFlags } from "../../lib/view/base-command.js";

export default class ClusterStart extends BaseCommand {
  static override description = "Start a resource and wait until it runs.";
  static override examples = ["<%= config.bin %> <%= command.id %> web1"];
  static override args = { resource: Args.string({ description: "its id", required: true }) };
  static override flags = {
    ...clusterFlags,
    timeout: Flags.string({ description: "how long to wait", default: "5min", helpValue: "TIME" }),
  };

  async run(): Promise<{ readonly resource: string; readonly state: string }> {
    const { args, flags } = await this.parse(ClusterStart);
    const [{ withCluster }, { startGuest }, { parseDuration }] = await Promise.all([
      import("../../cluster/choose.js"),
      import("../../cluster/guests.js"),
      import("../../lib/units.js"),
    ]);
    const options = { timeoutMs: parseDuration(flags.timeout), signal: this.signal };
    const status = await withCluster(this.clusterChoice(flags), (cluster) =>
      startGuest(cluster, args.resource, options),
    );
    this.print(`${args.resource} is running${status.node === undefined ? "" : ` on ${status.node}`}`);
    return { resource: args.resource, state: status.state };
  }
}
