import { driverState } from "../../conversion/initramfs/drivers.js";
import { readDistribution } from "../../conversion/distribution.js";
import { parseFstab } from "../../conversion/fstab.js";
import { readText } from "../../conversion/text.js";
import type { GuestFilesystem } from "../../conversion/types.js";
import type { Distribution, Kernel, Network } from "../../types.js";
import type { DomainNic } from "../types.js";
import type { Look } from "./appliance.js";
import type { FoundDevice } from "./contents.js";
import { readNetwork } from "./network-names.js";

/** What a guest's own file systems say of it. */
export interface GuestFacts {
  readonly hostname: string | undefined;
  readonly distribution: Distribution;
  readonly kernels: readonly Kernel[];
  readonly network: Network;
  /** Mount points from fstab by the name of the device, the root among them. */
  readonly mountPoints: ReadonlyMap<string, string>;
  readonly unknown: readonly string[];
}

const MOUNTABLE = new Set(["ext2", "ext3", "ext4", "xfs", "btrfs"]);
const SYSTEM = new Set(["/boot", "/usr", "/var"]);

/**
 * Reads what the guest is from its root file system, and from what its fstab mounts.
 * @returns in words why there is no root, when there is none
 */
export async function readGuest(
  look: Look,
  nics: readonly DomainNic[],
  outside?: string,
): Promise<GuestFacts | string> {
  const root = await mountRoot(look);
  if (typeof root === "string") return root;
  const { files, devices } = look;
  const unknown: string[] = [];
  const fstab = parseFstab((await readText(files, "/etc/fstab")) ?? "");
  const mountPoints = new Map([[root.name, "/"]]);
  for (const { device, mountPoint } of fstab) {
    const found = resolve(device, devices);
    if (found === undefined || mountPoint === "/" || !mountPoint.startsWith("/")) continue;
    mountPoints.set(found.name, mountPoint);
    const refused = SYSTEM.has(mountPoint) ? await look.mount(found, mountPoint) : undefined;
    if (refused !== undefined) unknown.push(`${mountPoint} on ${found.name} cannot be mounted: ${firstLine(refused)}`);
  }
  const { network, guessed } = await readNetwork(files, nics);
  if (guessed.length > 0)
    unknown.push(`the names of network cards in the guest (${guessed.join(", ")} taken for granted)`);
  return {
    hostname: (await readText(files, "/etc/hostname"))?.trim(),
    distribution: await readDistribution(files),
    kernels: await readKernels(files, outside),
    network,
    mountPoints,
    unknown,
  };
}

/** Mounts the only file system that has a system on it. */
async function mountRoot(look: Look): Promise<FoundDevice | string> {
  const roots: FoundDevice[] = [];
  const refused: string[] = [];
  for (const device of look.devices.filter(({ format }) => MOUNTABLE.has(format ?? ""))) {
    const reason = await look.mount(device, "/");
    if (reason !== undefined) {
      refused.push(`${device.name}: ${firstLine(reason)}`);
      continue;
    }
    if ((await look.files.stat("/etc/fstab")) !== undefined && (await look.files.stat("/sbin")) !== undefined) {
      roots.push(device);
    }
    await look.unmountAll();
  }
  const [root, ...more] = roots;
  if (root === undefined) return ["no root file system was found on its disks", ...refused].join("; ");
  if (more.length > 0)
    return `several of its file systems may be the root: ${roots.map(({ name }) => name).join(", ")}`;
  const reason = await look.mount(root, "/");
  return reason === undefined ? root : `${root.name} cannot be mounted: ${firstLine(reason)}`;
}

/** The device that fstab means. Disks have other letters before their letter where other drivers found them. */
function resolve(name: string, devices: readonly FoundDevice[]): FoundDevice | undefined {
  const [, kind, value = ""] = /^(?:\/dev\/disk\/by-)?(UUID|LABEL|PARTUUID)[=/]"?([^"]*)"?$/i.exec(name) ?? [];
  if (kind !== undefined) {
    return devices.find(
      ({ uuid, label, partUuid }) => ({ UUID: uuid, LABEL: label, PARTUUID: partUuid })[kind.toUpperCase()] === value,
    );
  }
  const place = placeOf(name.replace(/^\/dev\//, ""));
  return devices.find(
    (device) =>
      device.volumePath === name ||
      `/dev/mapper/${device.name}` === name ||
      (place !== undefined && placeOf(device.name) === place),
  );
}

/** `a1` of xvda1, sda1 and hda1. */
function placeOf(name: string): string | undefined {
  return /^(?:xvd|sd|hd|vd)([a-z]+\d*)$/.exec(name)?.[1];
}

async function readKernels(files: GuestFilesystem, outside: string | undefined): Promise<readonly Kernel[]> {
  const inBoot = (await files.list("/boot")).flatMap((name) => /^vmlinu[xz]-(.+)$/.exec(name)?.[1] ?? []);
  const releases = [...new Set([...inBoot, ...(await files.list("/lib/modules"))])].filter((name) =>
    /^[A-Za-z0-9][A-Za-z0-9._+~-]*$/.test(name),
  );
  return Promise.all(
    releases.map(async (release) => {
      const state = await driverState(files, release);
      // drivers that are modules may or may not be in its initramfs: the conversion looks
      const hasVirtio = state === "modules" ? undefined : state === "builtin";
      const modulesOnly = inBoot.includes(release) ? {} : { modulesOnly: true as const };
      return { release, running: release === outside, hasVirtio, ...modulesOnly };
    }),
  );
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}
