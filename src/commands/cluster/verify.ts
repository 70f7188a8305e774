import { Args } from "@oclif/core";
import type { Verification } from "../../cluster/verify.js";
import { BaseCommand, clusterFlags } from "../../lib/view/base-command.js";

export default class ClusterVerify extends BaseCommand {
  static override description = "Check a CIB: its form, what it refers to, and with crm_verify where it is installed.";
  static override examples = ["<%= config.bin %> <%= command.id %>", "<%= config.bin %> <%= command.id %> new-cib.xml"];
  static override args = { file: Args.string({ description: "a CIB; the one in use without it" }) };
  static override flags = { ...clusterFlags };

  async run(): Promise<Verification> {
    const { args, flags } = await this.parse(ClusterVerify);
    const [{ withCluster }, { verifyCluster, verifyFile }, { localHost }] = await Promise.all([
      import("../../cluster/choose.js"),
      import("../../cluster/verify.js"),
      import("../../lib/host/local-host.js"),
    ]);
    const { path, found } =
      args.file === undefined
        ? await withCluster(this.clusterChoice(flags), async (cluster) => {
            return { path: cluster.name, found: await verifyCluster(cluster) };
          })
        : { path: args.file, found: await verifyFile(localHost(), args.file) };
    this.print([
      ...found.problems.map(({ severity, line, message }) => `${path}:${line}: ${severity}: ${message}`),
      ...found.unsupported.map((feature) => `not understood, so nothing would be done: ${feature}`),
      ...found.warnings.map((warning) => `warning: ${warning}`),
      found.crmVerify === undefined
        ? "crm_verify is not installed (pacemaker-cli-utils): only rehome's own checks were made"
        : "crm_verify finds no errors",
    ]);
    return found;
  }
}
