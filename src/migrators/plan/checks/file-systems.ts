import type { BlockDevice, Concern, Disk } from "../../types.js";
import { concern } from "../concerns.js";
import { listed, movedDisks, uniqueDevices, type PlanContext } from "../context.js";

const CONVERTIBLE = ["ext2", "ext3", "ext4", "xfs"];
const SYSTEM = ["/", "/boot", "/etc", "/usr", "/var", "/lib"];

/** Whether the conversion has to read and write what is mounted there. */
export function isSystem(mountPoint: string | undefined): boolean {
  return mountPoint !== undefined && SYSTEM.includes(mountPoint);
}

/** File systems that the conversion opens must be known to it; others are copied block by block whatever they are. */
export function checkFileSystems(context: PlanContext): readonly Concern[] {
  const devices = uniqueDevices(movedDisks(context));
  const strange = devices.filter(
    (device) => device.mountPoint !== undefined && !CONVERTIBLE.includes(device.format ?? "unknown"),
  );
  const data = strange.filter((device) => !isSystem(device.mountPoint) && device.format !== "vfat");
  const swaps = devices.filter((device) => device.format === "swap");
  return [
    ...strange.filter((device) => isSystem(device.mountPoint)).map(unsupported),
    ...data.map((device) =>
      concern(
        "file-system-unchecked",
        `${describe(device)} is copied as it is`,
        "check it in the guest after the cutover",
      ),
    ),
    ...(swaps.length === 0
      ? []
      : [
          concern(
            "swap-copied",
            `swap on ${listed(swaps.map((device) => device.path))} changes all the time and is copied again in each pass`,
            "nothing; swapoff on the source before the cutover makes the last pass shorter",
          ),
        ]),
  ];
}

function unsupported(device: BlockDevice | Disk): Concern {
  return concern("file-system-unsupported", describe(device), `this version converts ${listed(CONVERTIBLE)}`);
}

function describe(device: BlockDevice | Disk): string {
  return `${device.path} (${device.mountPoint ?? ""}) is ${device.format ?? "of an unknown kind"}`;
}
