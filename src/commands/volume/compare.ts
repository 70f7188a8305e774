import { Args } from "@oclif/core";
import type { ComparedCopies } from "../../cluster/volumes/replicated/compare.js";
import { formatDuration, formatSize } from "../../lib/units.js";
import { BaseCommand, configFlags, sourceFlags } from "../../lib/view/base-command.js";

export default class VolumeCompare extends BaseCommand {
  static override summary = "Compare what both hosts really hold of a volume.";
  static override description = `Reads the disks below DRBD on both hosts, past every cache, and compares digests. Nothing is written. A volume that is
in use changes meanwhile and is refused: DRBD itself compares it, with drbdadm verify.`;
  static override examples = ["<%= config.bin %> <%= command.id %> web1"];
  static override args = { name: Args.string({ description: "the volume's name", required: true }) };
  static override flags = { ...configFlags, ...sourceFlags };

  async run(): Promise<ComparedCopies> {
    const { args, flags } = await this.parse(VolumeCompare);
    const [{ openCluster }, { compareCopies }] = await Promise.all([
      import("../../cluster/setup/session.js"),
      import("../../cluster/volumes/replicated/compare.js"),
    ]);
    const session = await openCluster({
      configPath: flags.config,
      acceptNewHostKey: flags["accept-new-host-key"],
      withoutPasswords: true,
      signal: this.signal,
    });
    const report = this.createReport();
    try {
      const compared = await compareCopies(session, args.name, { report, signal: this.signal });
      report.close();
      const { bytes, durationMs } = compared;
      this.print(
        `volume ${args.name}: ${formatSize(bytes)} are the same on both hosts (${formatDuration(durationMs)})`,
      );
      return compared;
    } finally {
      report.close();
      await session.close();
    }
  }
}
