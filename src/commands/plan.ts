import { Args } from "@oclif/core";
import { EXIT_CODES } from "../lib/error-codes.js";
import { BaseCommand, configFlags, sourceFlags } from "../lib/view/base-command.js";
import { connectSource } from "../migrators/connect.js";
import { describeOutlook } from "../migrators/describe/plan.js";
import { isBlocked, planGuests, type GuestOutlook } from "../migrators/plan/plan-guests.js";
import { openGuest, openGuests } from "../migrators/session.js";

export default class Plan extends BaseCommand {
  static override summary = "Say what becomes of the servers in rehome.yaml, and what stands in the way.";
  static override description = `Inspects the sources and this machine, and changes neither. Exit status 5 when a guest is blocked.
Every concern has a code that docs/concerns.md explains.`;
  static override examples = [
    { description: "All guests", command: "<%= config.bin %> plan" },
    { description: "One guest, for a program", command: "<%= config.bin %> plan web1 --json" },
  ];
  static override args = { guest: Args.string({ description: "name of a guest in rehome.yaml; all without it" }) };
  static override flags = { ...configFlags, ...sourceFlags };

  async run(): Promise<{ readonly guests: readonly GuestOutlook[] }> {
    const { args, flags } = await this.parse(Plan);
    const options = {
      configPath: flags.config,
      acceptNewHostKey: flags["accept-new-host-key"],
      connect: connectSource,
    };
    const sessions =
      args.guest === undefined ? await openGuests(options) : [await openGuest({ ...options, guest: args.guest })];
    const report = this.createReport();
    let guests: readonly GuestOutlook[];
    try {
      guests = await planGuests(sessions, report, this.signal);
    } finally {
      report.close();
    }
    guests.forEach((outlook, index) => {
      this.print([...(index === 0 ? [] : [""]), ...describeOutlook(outlook)]);
    });
    if (guests.length === 0) this.print("there is no guest in rehome.yaml yet");
    const ready = guests.find((outlook) => outlook.plan !== undefined && !isBlocked(outlook));
    if (ready !== undefined) this.suggest(`rehome stage ${ready.guest}`);
    if (guests.some(isBlocked)) process.exitCode = EXIT_CODES.refused.status;
    return { guests };
  }
}
