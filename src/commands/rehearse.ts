import { Args, Flags } from "@oclif/core";
import { BaseCommand, configFlags, sourceFlags } from "../lib/view/base-command.js";
import { formatDuration, formatSize, parseDuration } from "../lib/units.js";
import { connectSource } from "../migrators/connect.js";
import { rehearse } from "../migrators/rehearsal/index.js";
import type { RehearsalResult } from "../migrators/rehearsal/types.js";
import { openGuest } from "../migrators/session.js";

export default class Rehearse extends BaseCommand {
  static override summary = "Convert a staged guest and boot it, apart from every network, before its window.";
  static override description = `The copy stays as it is: overlays of it are converted, booted on this
machine with the hardware that the guest will have, and thrown away. Its
network cards reach nothing but a DHCP server of QEMU's own. Nothing is staged
meanwhile, and the source is not touched.

It has booted when there is a login prompt or systemd has reached its target;
a guest agent alone counts when nothing else is heard in time. Where it gets
stuck is named. What it wrote to its console and a picture of its screen are
kept. A guest that did not boot is not cut over.`;
  static override examples = [
    { description: "See whether it would boot", command: "<%= config.bin %> rehearse web1" },
    {
      description: "On a slow machine, or a server that takes long",
      command: "<%= config.bin %> rehearse web1 --timeout 15min",
    },
  ];
  static override args = { guest: Args.string({ description: "name of the guest in rehome.yaml", required: true }) };
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    timeout: Flags.string({
      description: "how long it may take to boot; the guest's bootTimeout without it",
      helpValue: "DURATION",
    }),
  };

  async run(): Promise<RehearsalResult> {
    const { args, flags } = await this.parse(Rehearse);
    const timeoutMs = flags.timeout === undefined ? undefined : parseDuration(flags.timeout);
    const session = await openGuest({
      configPath: flags.config,
      guest: args.guest,
      acceptNewHostKey: flags["accept-new-host-key"],
      connect: connectSource,
    });
    const report = this.createReport();
    let result: RehearsalResult;
    try {
      result = await rehearse({ session, report, signal: this.signal, ...(timeoutMs !== undefined && { timeoutMs }) });
    } finally {
      report.close();
    }
    this.show(result);
    return result;
  }

  private show(result: RehearsalResult): void {
    const { guest, bootMs = 0, convertMs = 0, because, memory, emulated } = result;
    const where = emulated ? ", emulated" : "";
    this.print(`${guest} boots: ${because} ${formatDuration(bootMs)} after its start`);
    this.print(`  ${formatSize(memory)} of memory${where}; converted in ${formatDuration(convertMs)}`);
    for (const change of result.changes) this.print(`  ${change}`);
    for (const failed of result.failedServices) this.print(`  it said: ${failed}`);
    if (result.lastWords !== "") this.print(result.lastWords.split("\n").map((line) => `  | ${line}`));
    this.print(`  console: ${result.console}`);
    if (result.screenshot !== undefined) this.print(`  screen: ${result.screenshot}`);
    this.suggest(`rehome cutover ${guest} --dry-run`);
  }
}
