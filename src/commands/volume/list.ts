import type { ReplicatedVolume } from "../../cluster/volumes/replicated/index.js";
import { formatSize } from "../../lib/units.js";
import { BaseCommand, configFlags, sourceFlags } from "../../lib/view/base-command.js";
import { table } from "../../lib/view/table.js";

export default class VolumeList extends BaseCommand {
  static override description = "Show guests' replicated volumes, and what DRBD says of them on each host.";
  static override examples = ["<%= config.bin %> <%= command.id %>"];
  static override flags = { ...configFlags, ...sourceFlags };

  async run(): Promise<{ readonly volumes: readonly ReplicatedVolume[] }> {
    const { flags } = await this.parse(VolumeList);
    const [{ openCluster }, { listVolumes }] = await Promise.all([
      import("../../cluster/setup/session.js"),
      import("../../cluster/volumes/replicated/index.js"),
    ]);
    const session = await openCluster({
      configPath: flags.config,
      acceptNewHostKey: flags["accept-new-host-key"],
      signal: this.signal,
    });
    try {
      const volumes = await listVolumes(session);
      const rows = volumes.flatMap((volume) =>
        volume.parts.map(({ device, size }, part) => [
          volume.name,
          device,
          formatSize(size),
          Object.entries(volume.states)
            .map(([host, { role, disks }]) => `${host} ${role ?? "down"} ${disks[part] ?? ""}`.trimEnd())
            .join(", "),
        ]),
      );
      this.print(
        rows.length === 0
          ? "there is no volume yet"
          : table(["VOLUME", "DEVICE", "SIZE", "STATE"], rows, { right: [2] }),
      );
      return { volumes };
    } finally {
      await session.close();
    }
  }
}
