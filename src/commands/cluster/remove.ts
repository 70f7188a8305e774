import { Args, Flags } from "@oclif/core";
import type { GuestChange } from "../../cluster/replicated-guest/index.js";
import { BaseCommand, configFlags, dryRunFlag, sourceFlags } from "../../lib/view/base-command.js";

export default class ClusterRemove extends BaseCommand {
  static override summary = "Take a stopped guest out of the cluster; its volume stays.";
  static override description = `Removes the guest's resources, what binds them, and its definition on both hosts. What is on its volume stays as it
is: rehome volume remove takes that away.`;
  static override examples = [
    "<%= config.bin %> <%= command.id %> web1",
    { description: "See what would be done", command: "<%= config.bin %> <%= command.id %> web1 --dry-run" },
  ];
  static override args = { guest: Args.string({ description: "the guest's name", required: true }) };
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    ...dryRunFlag,
    force: Flags.boolean({ description: "do it even if something else would stop by it" }),
    yes: Flags.boolean({ char: "y", description: "do not ask first" }),
  };

  async run(): Promise<GuestChange & { readonly changed?: number }> {
    const { args, flags } = await this.parse(ClusterRemove);
    const [{ openCluster }, { foreseeRemoval, removeGuest }, { changeLines, notesLines }] = await Promise.all([
      import("../../cluster/setup/session.js"),
      import("../../cluster/replicated-guest/index.js"),
      import("../../cluster/replicated-guest/text.js"),
    ]);
    const { guest } = args;
    const session = await openCluster({
      configPath: flags.config,
      acceptNewHostKey: flags["accept-new-host-key"],
      signal: this.signal,
    });
    try {
      if (!flags.yes && !flags["dry-run"]) await this.confirm(`The cluster will not run ${guest} any more.`);
      const report = this.createReport();
      const options = { report, signal: this.signal, force: flags.force };
      try {
        if (flags["dry-run"]) {
          const change = await foreseeRemoval(session, guest, options);
          report.close();
          this.print(changeLines(change));
          return change;
        }
        const removed = await removeGuest(session, guest, options);
        report.close();
        this.print(`guest ${guest} is out of the cluster; its volume is as it was`);
        this.print(notesLines(removed));
        this.suggest("rehome volume list");
        return removed;
      } finally {
        report.close();
      }
    } finally {
      await session.close();
    }
  }
}
