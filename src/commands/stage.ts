import { Args, Flags } from "@oclif/core";
import { RehomeError } from "../lib/errors.js";
import { parseSize } from "../lib/units.js";
import { BaseCommand, configFlags, sourceFlags } from "../lib/view/base-command.js";
import { connectSource } from "../migrators/connect.js";
import { describeStage } from "../migrators/describe/stage.js";
import { openGuest } from "../migrators/session.js";
import { stage } from "../migrators/stage.js";
import type { StageResult } from "../migrators/staging/index.js";

export default class Stage extends BaseCommand {
  static override summary = "Copy a server's disks while it keeps working, again and again until little is left.";
  static override description = `Nothing is installed on the source, and its disks are only read. Where a disk is a logical volume whose group has
free space, a snapshot follows what changes, so that the next pass reads only that; without one everything is compared.
The snapshot is removed after the cutover, or by rehome cleanup. Whatever interrupts it (a lost connection, a restarted
source, a full target, kill -9), the same command goes on where it stopped. Ends with the downtime that a cutover would take.`;
  static override examples = [
    { description: "As many passes as make sense", command: "<%= config.bin %> stage web1" },
    { description: "During office hours", command: "<%= config.bin %> stage web1 --passes 1 --bwlimit 20M" },
    {
      description: "Until a pass finds no more than 50 MiB",
      command: "<%= config.bin %> stage web1 --until-dirty 50M",
    },
  ];
  static override args = { guest: Args.string({ description: "name of the guest in rehome.yaml", required: true }) };
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    passes: Flags.integer({ description: "passes at the most (10 without it)", min: 1, helpValue: "N" }),
    "until-dirty": Flags.string({ description: "end when a pass wrote no more than this", helpValue: "SIZE" }),
    bwlimit: Flags.string({ description: "bytes a second, over all disks and both ways", helpValue: "RATE" }),
    "no-snapshots": Flags.boolean({ description: "make no snapshots on the source: compare everything in each pass" }),
    parallel: Flags.integer({
      description: "connections to the source at the most (4 without it); more are opened only while that is faster",
      min: 1,
      max: 16,
      helpValue: "N",
    }),
  };

  async run(): Promise<StageResult> {
    const { args, flags } = await this.parse(Stage);
    const untilDirty = flags["until-dirty"];
    const options = {
      ...(flags.passes !== undefined && { passes: flags.passes }),
      ...(flags["no-snapshots"] && { snapshots: false }),
      ...(flags.parallel !== undefined && { parallel: flags.parallel }),
      ...(untilDirty !== undefined && { untilDirty: parseSize(untilDirty) }),
      ...(flags.bwlimit !== undefined && { bwlimit: parseRate(flags.bwlimit) }),
    };
    const session = await openGuest({
      configPath: flags.config,
      guest: args.guest,
      acceptNewHostKey: flags["accept-new-host-key"],
      connect: connectSource,
    });
    const report = this.createReport();
    let result: StageResult;
    try {
      result = await stage({ session, options, report, signal: this.signal });
    } finally {
      report.close();
    }
    this.print(describeStage(args.guest, result));
    this.suggest(`rehome rehearse ${args.guest}`);
    return result;
  }
}

/** `20M` and `20M/s` are the same. */
function parseRate(text: string): number {
  const rate = parseSize(text.replace(/\/s$/, ""));
  if (rate > 0) return rate;
  throw new RehomeError("usage", `at "${text}" nothing would ever arrive`, {
    remedy: "leave --bwlimit out for no limit",
  });
}
