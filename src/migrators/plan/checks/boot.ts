import { formatSize } from "../../../lib/units.js";
import { chooseKernel } from "../../conversion/kernel/choose.js";
import type { Concern } from "../../types.js";
import { concern } from "../concerns.js";
import { listed, movedDisks, uniqueDevices, type PlanContext } from "../context.js";

/** Whether the guest will start. This version converts BIOS machines with GRUB 2. */
export function checkBoot({ machine, guest }: PlanContext): readonly Concern[] {
  const start =
    machine.boot === undefined ? loader({ machine }) : [...room({ machine, guest }), ...given({ machine, guest })];
  return [...start, ...virtio({ machine })];
}

/** What GRUB with all its modules takes, with reserve: see conversion/grub/images.ts. */
const GRUB_BYTES = 384 * 1024;

/** A guest that its hypervisor started gets a boot loader; where rehome makes the partition table, there is room for it. */
function room({ machine, guest }: Pick<PlanContext, "machine" | "guest">): readonly Concern[] {
  if (machine.bootLoader !== undefined) return [];
  const disk = movedDisks({ machine, guest }).find((one) =>
    uniqueDevices([one]).some(({ mountPoint }) => mountPoint === "/"),
  );
  const starts = disk?.contents.flatMap(({ type, start }) => (type === "partition" ? (start ?? []) : [])) ?? [];
  const first = Math.min(...starts);
  if (disk === undefined || first >= GRUB_BYTES) return [];
  return [
    concern(
      "boot-loader-no-room",
      `the first partition of ${disk.name} begins at ${formatSize(first)}, GRUB takes up to ${formatSize(GRUB_BYTES)}`,
      "such a disk cannot be moved by this version: move its partitions apart on a copy (gparted), 1 MiB is usual",
    ),
  ];
}

/** Where the kernel comes from when it is not the guest's own. */
function given({ machine, guest }: Pick<PlanContext, "machine" | "guest">): readonly Concern[] {
  const choice = chooseKernel(machine, guest.kernelPackages);
  switch (choice.from) {
    case "guest":
      return [];
    case "nowhere":
      return [
        concern(
          "kernel-missing",
          choice.why,
          "install a kernel of its distribution in the guest; or fetch its package (apt-get download linux-image-… on a machine " +
            "of that release) and name it with kernelPackages of the guest in rehome.yaml",
        ),
      ];
    case "host":
    case "packages": {
      const which = choice.from === "host" ? `${choice.release} from its host` : listed(choice.paths);
      return [
        concern(
          "kernel-given",
          `the guest has no kernel of its own and gets ${which}`,
          "install a kernel of the distribution and grub-pc in the guest when it runs: nobody updates the one that it gets",
        ),
      ];
    }
  }
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
  const lacking = machine.kernels
    .filter((kernel) => kernel.hasVirtio === false && kernel.modulesOnly !== true)
    .map((kernel) => kernel.release);
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
