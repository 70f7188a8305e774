import type { Concern } from "../../types.js";
import { concern } from "../concerns.js";
import { listed, type PlanContext } from "../context.js";

/** Whether the guest will start. This version converts BIOS machines with GRUB 2. */
export function checkBoot({ machine }: PlanContext): readonly Concern[] {
  return [...loader({ machine }), ...virtio({ machine })];
}

function loader({ machine }: Pick<PlanContext, "machine">): readonly Concern[] {
  if (machine.firmware === "uefi") {
    return [
      concern(
        "firmware-unsupported",
        "the machine starts with UEFI",
        "only BIOS machines can be moved by this version",
      ),
    ];
  }
  if (machine.bootLoader === undefined) {
    return [
      concern(
        "boot-loader-missing",
        "no boot loader was found in the first sectors of disks and partitions",
        "see that the machine starts from one of its disks (not from network or USB), and that it is read as root",
      ),
    ];
  }
  if (machine.bootLoader.name === "grub-pc") return [];
  return [
    concern(
      "boot-loader-unsupported",
      `the boot loader is ${machine.bootLoader.name}`,
      "install grub-pc on the source, and see that it starts with it",
    ),
  ];
}

function virtio({ machine }: Pick<PlanContext, "machine">): readonly Concern[] {
  const lacking = machine.kernels.filter((kernel) => kernel.hasVirtio === false).map((kernel) => kernel.release);
  if (lacking.length === 0) return [];
  return [
    concern(
      "virtio-missing",
      `no virtio drivers at boot in ${listed(lacking)}`,
      "nothing: the conversion rebuilds the initramfs; to save that time at cutover, add virtio_blk and virtio_pci to " +
        "/etc/initramfs-tools/modules and run update-initramfs -u -k all",
    ),
  ];
}
