import { Args, Flags } from "@oclif/core";
import { cutOver, describeCutover, type CutoverResult } from "../migrators/cutover/index.js";
import { connectSource } from "../migrators/connect.js";
import { openGuest } from "../migrators/session.js";
import { BaseCommand, configFlags, sourceFlags } from "../lib/view/base-command.js";
import { table } from "../lib/view/table.js";
import { parseMoment } from "../lib/moment.js";
import { formatDuration, parseDuration } from "../lib/units.js";

interface DryRun {
  readonly dryRun: readonly { readonly title: string; readonly actions: readonly string[] }[];
}

export default class Cutover extends BaseCommand {
  static override summary = "Stop the source, copy what is left, convert, and start the guest here.";
  static override description = `Everything that could fail is tried first. From the moment the source stops, every step is journalled; when one fails
before the guest was started, all is undone and the source works again, as far as it can be brought back from here.
Interrupted, the same command goes on.

With --max-downtime nothing begins when the prediction is longer, and everything is undone when the guest is not being
started after twice that time (exit status 10). Once its start began nothing is undone by itself.

With --at the source is stopped at that time, not before. What could fail is tried at once, and the copy kept fresh until
then; the time must be waited for (in screen, tmux or systemd-run). Ctrl-C meanwhile leaves the guest staged.`;
  static override examples = [
    { description: "See what would happen", command: "<%= config.bin %> cutover web1 --dry-run" },
    {
      description: "Only if it takes less than two minutes; back to the source if it takes more than four",
      command: "<%= config.bin %> cutover web1 --max-downtime 2min",
    },
    {
      description: "At the next half past two in the night, by the clock of this machine",
      command: "<%= config.bin %> cutover web1 --at 02:30",
    },
    {
      description: "On a certain night",
      command: "<%= config.bin %> cutover web1 --at 2026-12-05T02:30 --max-downtime 2min",
    },
  ];
  static override args = { guest: Args.string({ description: "name of the guest in rehome.yaml", required: true }) };
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    "dry-run": Flags.boolean({ description: "print exactly what would happen, change nothing" }),
    "max-downtime": Flags.string({
      description: "do not begin when the predicted downtime is longer; go back when it becomes twice as long",
      helpValue: "DURATION",
    }),
    at: Flags.string({
      description: "wait, and stop the source at this time: 02:30 (tomorrow when that has passed), 2026-12-05T02:30",
      helpValue: "TIME",
    }),
    verify: Flags.option({
      options: ["sent", "full"] as const,
      description: "prove the copy by reading back what was sent, or all of it",
      default: "sent" as const,
    })(),
    "source-is-off": Flags.boolean({ description: "your word that the source is off, when it cannot be reached" }),
  };

  async run(): Promise<CutoverResult | DryRun> {
    const { args, flags } = await this.parse(Cutover);
    const session = await openGuest({
      configPath: flags.config,
      guest: args.guest,
      acceptNewHostKey: flags["accept-new-host-key"],
      connect: connectSource,
    });
    const maxDowntime = flags["max-downtime"];
    const options = {
      verify: flags.verify,
      sourceIsOff: flags["source-is-off"],
      ...(maxDowntime !== undefined && { maxDowntimeMs: parseDuration(maxDowntime) }),
    };
    const moment = flags.at === undefined ? undefined : parseMoment(flags.at, Date.now());
    const report = this.createReport();
    if (moment?.note !== undefined) report.note({ severity: "warning", text: moment.note });
    try {
      const request = { session, options, report, signal: this.signal, ...(moment && { at: moment.at }) };
      if (flags["dry-run"]) return this.showPlan(args.guest, await describeCutover(request));
      return this.showResult(await cutOver(request));
    } finally {
      report.close();
    }
  }

  private showPlan(guest: string, steps: DryRun["dryRun"]): DryRun {
    steps.forEach(({ title, actions }, index) => {
      this.print(`${String(index + 1).padStart(2)}. ${title}`);
      this.print(actions.map((action) => `      ${action}`));
    });
    this.suggest(`rehome cutover ${guest}`);
    return { dryRun: steps };
  }

  private showResult(result: CutoverResult): CutoverResult {
    this.print(`${result.guest} runs here; downtime ${formatDuration(result.downtimeMs)}\n`);
    const rows = result.shares.map(({ title, ms }) => [title, formatDuration(ms)]);
    this.print(table(["step", "downtime"], rows, { right: [1] }));
    this.suggest(`look at it; then rehome commit ${result.guest}, or rehome rollback ${result.guest}`);
    return result;
  }
}
