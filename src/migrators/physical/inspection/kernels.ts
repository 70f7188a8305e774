import type { Kernel } from "../../types.js";
import { records, section, type NoteUnknown, type SectionRecord, type Sections } from "./sections.js";

/** Kernels below /boot, and the running one even when it is not there. */
export function parseKernels(sections: Sections, running: string, unknown: NoteUnknown): readonly Kernel[] {
  const found = records(section(sections, "kernels").lines, "kernel").map((record): Kernel => {
    const release = record.words.join(" ");
    const hasVirtio = virtioOf(record);
    if (hasVirtio === undefined) unknown(`virtio drivers of kernel ${release}: ${whyUnknown(record)}`);
    const hasSnapshots = snapshotsOf(record);
    return { release, running: release === running, hasVirtio, ...(hasSnapshots !== undefined && { hasSnapshots }) };
  });
  if (found.some((kernel) => kernel.running)) return found;
  unknown(`virtio drivers of kernel ${running}: it runs, but is not below /boot`);
  return [...found, { release: running, running: true, hasVirtio: undefined }];
}

/** A disk on virtio needs the PCI transport and one of two disk drivers, each in the kernel or in its initramfs. */
function virtioOf(record: SectionRecord): boolean | undefined {
  const has = (driver: Driver) => builtIn(record, driver) ?? inInitramfs(record, driver);
  const pci = has("virtio_pci");
  const disk = either(has("virtio_blk"), has("virtio_scsi"));
  if (pci === false || disk === false) return false;
  return pci === undefined || disk === undefined ? undefined : true;
}

/** What a kernel needs to find its root when that has a snapshot. */
function snapshotsOf(record: SectionRecord): boolean | undefined {
  if (builtIn(record, "dm-snapshot") === true) return true;
  const told = record.value("initramfs-init") === undefined ? undefined : record.value("initramfs-snapshots");
  return told === undefined ? undefined : told === "yes";
}

type Driver = "virtio_pci" | "virtio_blk" | "virtio_scsi";

const OPTIONS: Readonly<Record<Driver | "dm-snapshot", string>> = {
  virtio_pci: "CONFIG_VIRTIO_PCI",
  virtio_blk: "CONFIG_VIRTIO_BLK",
  virtio_scsi: "CONFIG_SCSI_VIRTIO",
  "dm-snapshot": "CONFIG_DM_SNAPSHOT",
};

/** True when the kernel has it in itself; undefined leaves the answer to its initramfs. */
function builtIn(record: SectionRecord, driver: keyof typeof OPTIONS): true | undefined {
  const listed = record.values("builtin").some((path) => path.includes(`/${driver}.ko`));
  return listed || record.lines.includes(`${OPTIONS[driver]}=y`) ? true : undefined;
}

function inInitramfs(record: SectionRecord, driver: Driver): boolean | undefined {
  if (record.value("initramfs-init") === undefined) return undefined;
  return record.values("initramfs-has").some((path) => new RegExp(`(^|/)${driver}\\.ko(\\.\\w+)?$`).test(path));
}

function either(a: boolean | undefined, b: boolean | undefined): boolean | undefined {
  if (a === true || b === true) return true;
  return a === undefined || b === undefined ? undefined : false;
}

function whyUnknown(record: SectionRecord): string {
  const initramfs = record.value("initramfs");
  return initramfs === undefined ? "its initramfs was not found" : `${initramfs} could not be listed`;
}
