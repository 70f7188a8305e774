import { Args, Flags } from "@oclif/core";
import type { ReplicatedVolume } from "../../cluster/volumes/replicated/index.js";
import { isGuestName } from "../../lib/config/schema.js";
import { RehomeError } from "../../lib/errors.js";
import { parseSize } from "../../lib/units.js";
import { BaseCommand, configFlags, sourceFlags } from "../../lib/view/base-command.js";

type Created = ReplicatedVolume & { readonly changed: number };

export default class VolumeCreate extends BaseCommand {
  static override summary = "Make a guest's volume on both hosts, replicated by DRBD.";
  static override description = `A logical volume for each size on either host, and one DRBD resource over them, with a minor and a port that nobody
else has. Nothing is copied: both sides are new. A run that was cut off is finished by the next one.`;
  static override examples = [
    "<%= config.bin %> <%= command.id %> web1 --size 20G",
    {
      description: "Two disks, thin",
      command: "<%= config.bin %> <%= command.id %> db1 --size 20G --size 200G --thin-pool pool",
    },
  ];
  static override args = { name: Args.string({ description: "the guest's name", required: true }) };
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    size: Flags.string({ char: "s", description: "size of a disk; once for each", multiple: true, required: true }),
    "thin-pool": Flags.string({
      description: "thin pool of the volume group; thick volumes without it",
      helpValue: "NAME",
    }),
  };

  async run(): Promise<Created> {
    const { args, flags } = await this.parse(VolumeCreate);
    if (!isGuestName(args.name)) {
      throw new RehomeError("usage", `"${args.name}" is no name for a volume`, { remedy: "choose one such as web1" });
    }
    const [{ openCluster }, { createVolume }] = await Promise.all([
      import("../../cluster/setup/session.js"),
      import("../../cluster/volumes/replicated/index.js"),
    ]);
    const pool = flags["thin-pool"];
    const request = { name: args.name, sizes: flags.size.map(parseSize), ...(pool !== undefined && { pool }) };
    const session = await openCluster({
      configPath: flags.config,
      acceptNewHostKey: flags["accept-new-host-key"],
      signal: this.signal,
    });
    const report = this.createReport();
    try {
      const { changed, volume } = await createVolume(session, request, { report, signal: this.signal });
      report.close();
      this.print(changed === 0 ? `volume ${args.name} is there already` : `volume ${args.name} is on both hosts`);
      this.print(volume.parts.map(({ device, disk }) => `  ${device} on ${disk}`));
      return { ...volume, changed };
    } finally {
      report.close();
      await session.close();
    }
  }
}
