import { join } from "node:path";
import { RehomeError } from "../../../lib/errors.js";
import { commandFailed } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import type { GuestPlan, Machine } from "../../types.js";
import { appliancePath, DEVICES_SCRIPT, deviceMountedAt, parseDevices, resolveDevice } from "../devices.js";
import { parseFstab } from "../fstab.js";
import type { GuestDevice, GuestFilesystem, OverlayDisk } from "../types.js";
import { guestfsFilesystem } from "./filesystem.js";
import { launch, START_TIMEOUT_MS, type Launched } from "./launch.js";
import { removeOwnSnapshots } from "./own-snapshots.js";
import { GuestfishError, guestfsEnvironment, type GuestfishSession } from "./session.js";
import type { WaitingAppliance } from "./waiting.js";

const WARM_UP_TIMEOUT_MS = 600_000;

/** File systems besides the root that have what a conversion changes, as long as fstab mounts them. */
const MOUNTED = new Set(["/usr", "/var", "/boot", "/boot/efi"]);

/** The virtual machine that has the guest's disks; nothing of them is ever read by the host itself. */
export interface Appliance {
  readonly devices: readonly GuestDevice[];
  /** Mounts the guest's file systems. @throws RehomeError guest-unsupported, guest-encrypted, guest-filesystem-damaged */
  mount(): Promise<Mounted>;
  /** Unmounts, and waits until everything is in the disk images. */
  close(): Promise<void>;
  kill(): Promise<void>;
}

export interface Mounted {
  readonly files: GuestFilesystem;
  /** By mount point. */
  readonly mounts: ReadonlyMap<string, GuestDevice>;
}

export interface ApplianceOptions {
  readonly host: Host;
  readonly kvm: boolean;
  readonly plan: GuestPlan;
  readonly machine: Machine;
  readonly disks: readonly OverlayDisk[];
  /** Has the file that is being copied into the guest. */
  readonly workFolder: string;
  /** One that was started before the disks were complete, to be used instead of a new one. */
  readonly waiting?: WaitingAppliance | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Builds the appliance's image where that was not done yet (under emulation some 10 s more), so that it is not built
 * while a server is down.
 * @throws RehomeError appliance-failed, command-timeout
 */
export async function warmUp(host: Host, kvm: boolean): Promise<void> {
  const argv = ["guestfish", "-a", "/dev/null", "run"];
  const result = await host.run(argv, { env: guestfsEnvironment(kvm), timeoutMs: WARM_UP_TIMEOUT_MS });
  if (result.exitCode === 0) return;
  throw new RehomeError("appliance-failed", "the libguestfs appliance does not start", {
    machine: host.name,
    output: commandFailed(host, result).output ?? "",
    remedy: "see what `libguestfs-test-tool` says on the target; it needs the package libguestfs-tools",
  });
}

/** @throws RehomeError appliance-failed, command-timeout, cancelled, and what plugging disks in throws */
export async function startAppliance(options: ApplianceOptions): Promise<Appliance> {
  const { plan, disks, waiting } = options;
  const { session, kill } = waiting ?? (await startWithDisks(options));
  try {
    await waiting?.plug(disks);
    await removeOwnSnapshots(session, plan.name);
    const found = await session.run("debug", ["sh", DEVICES_SCRIPT]);
    const devices = parseDevices(found.toString("latin1"), plan);
    return { devices, mount: () => mountGuest(session, options, devices), close: () => close(session), kill };
  } catch (thrown) {
    await kill();
    throw thrown;
  }
}

function startWithDisks(options: ApplianceOptions): Promise<Launched> {
  const { disks } = options;
  return launch({
    ...options,
    commands: disks.map(({ device, overlayPath }) => {
      // unsafe: QEMU need not flush; the overlays are synced once, before they count as converted
      return ["add", overlayPath, "format:qcow2", "cachemode:unsafe", `label:${device}`];
    }),
    mark: disks[0]?.overlayPath ?? "",
  });
}

async function close(session: GuestfishSession): Promise<void> {
  await session.run("umount-all");
  await session.run("shutdown", [], 120_000);
  await session.kill();
}

async function mountGuest(
  session: GuestfishSession,
  options: ApplianceOptions,
  devices: readonly GuestDevice[],
): Promise<Mounted> {
  const { plan, machine } = options;
  const staged = join(options.workFolder, "upload");
  const files = guestfsFilesystem(session, {
    machine: plan.name,
    applianceDevice: (device) => appliancePath(`/dev/${device}`),
    async stage(data) {
      await options.host.writeFile(staged, data, 0o600);
      return staged;
    },
  });
  const facts = { plan, machine, devices };
  const mounts = new Map<string, GuestDevice>();
  const root = await mountRoot(session, options, devices, files);
  if (root !== undefined) mounts.set("/", root);
  const fstab = (await files.read("/etc/fstab"))?.toString("latin1") ?? "";
  const entries = parseFstab(fstab).filter((entry) => MOUNTED.has(entry.mountPoint));
  for (const entry of entries.toSorted((a, b) => a.mountPoint.length - b.mountPoint.length)) {
    const device = resolveDevice(entry.device, facts) ?? deviceMountedAt(entry.mountPoint, facts);
    if (device === undefined) {
      if (entry.options.some((option) => option === "noauto" || option === "nofail")) continue;
      throw new RehomeError(
        "conversion-failed",
        `${entry.mountPoint} is on ${entry.device}, which no staged disk has`,
        {
          machine: plan.name,
          path: "/etc/fstab",
          line: entry.index + 1,
          remedy: "stage the disk that has it, or correct that line on the source",
        },
      );
    }
    await mountOne(session, plan, device, entry.mountPoint);
    mounts.set(entry.mountPoint, device);
  }
  return { files, mounts };
}

/**
 * By what was mounted when the machine was inspected; otherwise every file system is looked at, which is what
 * libguestfs's inspection does too, in 30 s instead of one. Inspection itself knows roots in subvolumes.
 * @returns the device; undefined for a subvolume, which is none
 */
async function mountRoot(
  session: GuestfishSession,
  { plan, machine }: ApplianceOptions,
  devices: readonly GuestDevice[],
  files: GuestFilesystem,
): Promise<GuestDevice | undefined> {
  const known = deviceMountedAt("/", { devices, plan, machine });
  const candidates = known === undefined ? devices.filter((device) => MOUNTABLE.has(device.format ?? "")) : [known];
  const roots: GuestDevice[] = [];
  let damage: RehomeError | undefined;
  for (const device of candidates) {
    try {
      await mountOne(session, plan, device, "/");
    } catch (thrown) {
      if (!(thrown instanceof RehomeError) || thrown.code !== "guest-filesystem-damaged") throw thrown;
      damage = thrown;
      continue;
    }
    if (await isRoot(files)) roots.push(device);
    await session.run("umount-all");
  }
  const root = only(plan, roots) ?? (await inspectedRoot(session, plan, candidates));
  if (root === undefined) throw damage ?? noRoot(plan, devices);
  await mountOne(session, plan, root, "/");
  return roots.find((device) => device === root);
}

const MOUNTABLE = new Set(["ext2", "ext3", "ext4", "xfs", "btrfs"]);

async function isRoot(files: GuestFilesystem): Promise<boolean> {
  if ((await files.stat("/etc/fstab")) === undefined) return false;
  const names = ["/etc/os-release", "/usr/lib/os-release", "/etc/debian_version", "/etc/redhat-release"];
  for (const name of names) if ((await files.stat(name)) !== undefined) return true;
  return false;
}

async function inspectedRoot(
  session: GuestfishSession,
  plan: GuestPlan,
  candidates: readonly GuestDevice[],
): Promise<Pick<GuestDevice, "path"> | undefined> {
  if (!candidates.some((device) => device.format === "btrfs")) return undefined;
  const roots = (await session.run("inspect-os", [], START_TIMEOUT_MS)).toString("utf8").split("\n").filter(Boolean);
  return only(
    plan,
    roots.map((path) => ({ path })),
  );
}

/** @throws RehomeError guest-unsupported when there are several */
function only<T extends Pick<GuestDevice, "path">>(plan: GuestPlan, roots: readonly T[]): T | undefined {
  if (roots.length < 2) return roots[0];
  const names = roots.map((root) => root.path).join(", ");
  throw new RehomeError("guest-unsupported", `the disks hold several operating systems (${names})`, {
    machine: plan.name,
    remedy: "inspect the source again while the one to be moved is running",
  });
}

async function mountOne(
  session: GuestfishSession,
  plan: GuestPlan,
  device: Pick<GuestDevice, "path">,
  mountPoint: string,
): Promise<void> {
  // inspection names a subvolume as btrfsvol:/dev/sda2/name, in the appliance's terms
  const path = device.path.startsWith("btrfsvol:") ? device.path : appliancePath(device.path);
  try {
    await session.run("mount", [path, mountPoint]);
  } catch (thrown) {
    throw thrown instanceof GuestfishError ? damaged(plan, device.path, mountPoint, thrown) : thrown;
  }
}

function damaged(plan: GuestPlan, device: string, mountPoint: string, thrown: GuestfishError): RehomeError {
  return new RehomeError("guest-filesystem-damaged", `${mountPoint} on ${device} cannot be mounted`, {
    machine: plan.name,
    output: thrown.reason.slice(-2000),
    remedy: "check the file system on the source (fsck, xfs_repair) and stage the guest again",
  });
}

function noRoot(plan: GuestPlan, devices: readonly GuestDevice[]): RehomeError {
  const encrypted = devices.filter((device) => device.format === "crypto_LUKS");
  if (encrypted.length > 0) {
    return new RehomeError(
      "guest-encrypted",
      `no root file system found; ${encrypted.map((device) => device.path).join(", ")} is encrypted`,
      { machine: plan.name, remedy: "rehome cannot open it: convert such a guest by hand" },
    );
  }
  const found = devices.flatMap((device) => (device.format === undefined ? [] : [`${device.path} ${device.format}`]));
  return new RehomeError("guest-unsupported", "no operating system found on the staged disks", {
    machine: plan.name,
    output: found.length === 0 ? "nothing known on any disk" : found.join("\n"),
    remedy: "see whether the right disks are staged, and the last pass was on a source at rest",
  });
}
