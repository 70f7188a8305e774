import { Args, Flags } from "@oclif/core";
import { connectSource } from "../migrators/connect.js";
import { refuseToKeepChanges, rollBack, type RollbackResult } from "../migrators/cutover/index.js";
import { openGuest } from "../migrators/session.js";
import { BaseCommand, configFlags, sourceFlags } from "../lib/view/base-command.js";

export default class Rollback extends BaseCommand {
  static override summary = "Go back to the source, at any point before commit.";
  static override description = `The guest is stopped and taken out of the cluster; the source is started again as it was at cutover.
What the guest wrote since then is lost to the source: it stays on the guest's volume until the guest is staged again.`;
  static override examples = [
    { description: "Go back", command: "<%= config.bin %> rollback web1" },
    {
      description: "Only if nothing were lost, which nobody can promise: it is refused, with the reason",
      command: "<%= config.bin %> rollback web1 --keep-changes",
    },
  ];
  static override args = { guest: Args.string({ description: "name of the guest in rehome.yaml", required: true }) };
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    "keep-changes": Flags.boolean({
      description: "take what the guest wrote back to the source: refused, with the reason",
    }),
  };

  async run(): Promise<RollbackResult> {
    const { args, flags } = await this.parse(Rollback);
    const session = await openGuest({
      configPath: flags.config,
      guest: args.guest,
      acceptNewHostKey: flags["accept-new-host-key"],
      connect: connectSource,
    });
    if (flags["keep-changes"]) await refuseToKeepChanges(session);
    const report = this.createReport();
    try {
      const options = { verify: "sent", sourceIsOff: false } as const;
      const result = await rollBack({ session, options, report });
      const source = session.guestConfig.source;
      this.print(
        result.sourceAnswers
          ? `${args.guest} is back on its source`
          : `${args.guest} is stopped here, but ${source} does not answer: switch it on by hand`,
      );
      this.suggest(result.sourceAnswers ? `rehome stage ${args.guest}` : `switch ${source} on`);
      return result;
    } finally {
      report.close();
    }
  }
}
