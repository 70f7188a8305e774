import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags, sourceFlags } from "../../lib/view/base-command.js";

export default class VolumeRemove extends BaseCommand {
  static override summary = "Take a guest's replicated volume away on both hosts, with all that is on it.";
  static override description = "Only what rehome made is removed, and only when nobody uses it.";
  static override examples = ["<%= config.bin %> <%= command.id %> web1"];
  static override args = { name: Args.string({ description: "the volume's name", required: true }) };
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    yes: Flags.boolean({ char: "y", description: "do not ask first" }),
  };

  async run(): Promise<{ readonly removed: string }> {
    const { args, flags } = await this.parse(VolumeRemove);
    const [{ openCluster }, { removeVolume }] = await Promise.all([
      import("../../cluster/setup/session.js"),
      import("../../cluster/volumes/replicated/index.js"),
    ]);
    const session = await openCluster({
      configPath: flags.config,
      acceptNewHostKey: flags["accept-new-host-key"],
      signal: this.signal,
    });
    try {
      if (!flags.yes) await this.confirm(`All that is on volume ${args.name} is lost, on both hosts.`);
      const report = this.createReport();
      try {
        await removeVolume(session, args.name, { report, signal: this.signal });
      } finally {
        report.close();
      }
      this.print(`volume ${args.name} is gone`);
      return { removed: args.name };
    } finally {
      await session.close();
    }
  }
}
