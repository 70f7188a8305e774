import { RehomeError } from "../../../lib/errors.js";
import { appliancePath } from "../devices.js";
import { embedGrub, FRONT } from "../grub/embed.js";
import { menuPlace } from "../grub/place.js";
import { NOTHING, readText, writeText } from "../text.js";
import type { Edit, Finding, Step, StepContext } from "../types.js";

const SECTOR = 512;
const INSTALL_TIMEOUT_MS = 300_000;

/** GRUB in the first sector of a disk that the BIOS starts from; it is installed only where there is none. */
export const grubInstall: Step = {
  name: "grub",
  async check(context) {
    const stale = await checkDeviceMap(context);
    if (context.plan.firmware !== "bios") return stale;
    const sectors = await Promise.all(
      context.plan.volumes.map((volume) => context.files.readDisk(volume.device, 0, SECTOR)),
    );
    const first = sectors.findIndex((sector) => sector.includes("GRUB") && isBootable(sector));
    if (first === 0) return stale;
    if (first > 0) {
      const device = context.plan.volumes[first]?.device ?? "";
      return { ...stale, warnings: [`GRUB is on ${device}: the guest must start from that disk`] };
    }
    return { ...stale, edits: [...stale.edits, ...(await install(context))] };
  },
};

/** The BIOS starts a sector only with this signature at its end. */
function isBootable(sector: Buffer): boolean {
  return sector.length === SECTOR && sector.readUInt16LE(SECTOR - 2) === 0xaa55;
}

async function install(context: StepContext): Promise<readonly Edit[]> {
  const program = "/usr/sbin/grub-install";
  const { files, plan, machine } = context;
  const own = (await files.stat(program)) && (await files.stat("/usr/lib/grub/i386-pc/kernel.img"));
  if (own === undefined && machine.boot !== undefined) return embed(context);
  if (own === undefined) {
    throw new RehomeError("guest-unsupported", "no disk of the guest starts with GRUB, and the guest has no grub-pc", {
      machine: plan.name,
      remedy: "install the package grub-pc on the source, stage it again, then cut over",
    });
  }
  const device = plan.volumes[0]?.device ?? "";
  return [
    {
      kind: "command",
      argv: [program, "--target=i386-pc", "--no-floppy", appliancePath(`/dev/${device}`)],
      files: ["/boot/grub"],
      timeoutMs: INSTALL_TIMEOUT_MS,
      what: [`GRUB is installed on ${device}`],
    },
  ];
}

/** The target's GRUB, for a guest that has none because its hypervisor started it without one. */
async function embed(context: StepContext): Promise<readonly Edit[]> {
  const { files, plan, supplies } = context;
  const { uuid, folder } = menuPlace(context);
  const device = plan.volumes[0]?.device ?? "";
  const pieces = embedGrub(await files.readDisk(device, 0, FRONT), await supplies.grub(uuid, folder));
  if (pieces === undefined) {
    throw new RehomeError("guest-unsupported", `there is no room for GRUB on ${device} before its first partition`, {
      machine: plan.name,
      remedy: "install the package grub-pc on the source, stage it again, then cut over",
    });
  }
  return pieces.map(({ offset, data }, index) => ({
    kind: "disk",
    device,
    offset,
    content: data,
    what: index === 0 ? [`GRUB is put in front of the partitions of ${device}`] : [],
  }));
}

/** device.map names the source's disks; grub-install makes it out itself when it is not there. */
async function checkDeviceMap({ files }: StepContext): Promise<Finding> {
  const path = "/boot/grub/device.map";
  const text = await readText(files, path);
  if (text === undefined || !/^[ \t]*\((?:hd|fd)\d+\)[ \t]+\/dev\/(?!vd)/m.test(text)) return NOTHING;
  return { edits: [{ kind: "remove", path, what: ["device.map with the source's disks is gone"] }], warnings: [] };
}

const DEBCONF = "/var/cache/debconf/config.dat";

/**
 * debconf remembers the disk that grub-pc is installed on by the name of the source's disk. With that, the package's next upgrade
 * in the guest fails.
 */
export const grubPackage: Step = {
  name: "grub package",
  async check({ files, plan }) {
    const text = await readText(files, DEBCONF);
    const device = plan.volumes[0] && `/dev/${plan.volumes[0].device}`;
    if (text === undefined || device === undefined || plan.firmware !== "bios") return NOTHING;
    const changed = text.replace(
      /^(Name: grub-pc\/install_devices\n(?:(?!Value:|Name:)[^\n]+\n)*Value: )([^\n]+)$/m,
      (all, head: string, value: string) => (/^\/dev\//.test(value) ? `${head}${device}` : all),
    );
    if (changed === text) return NOTHING;
    return { edits: [writeText(DEBCONF, changed, [`grub-pc's upgrades install it on ${device}`])], warnings: [] };
  },
};
