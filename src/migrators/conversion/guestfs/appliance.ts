import { RehomeError } from "../../../lib/errors.js";
import { commandFailed } from "../../../lib/host/run.js";
import type { Host } from "../../../lib/host/types.js";
import type { GuestPlan, Machine } from "../../types.js";
import { appliancePath, deviceMountedAt, parseDevices, resolveDevice } from "../devices.js";
import { parseFstab } from "../fstab.js";
import type { GuestDevice, GuestFilesystem, OverlayDisk } from "../types.js";
import { guestfsFilesystem } from "./filesystem.js";
import { GuestfishError, guestfsEnvironment, startGuestfish, type GuestfishSession } from "./session.js";

/** About 8 s of emulation on an idle machine, 25 s on a busy one. */
const START_TIMEOUT_MS = 180_000;
const WARM_UP_TIMEOUT_MS = 600_000;

/** File systems besides the root that have what a conversion changes, as long as fstab mounts them. */
const MOUNTED = new Set(["/usr", "/var", "/boot", "/boot/efi"]);

/** The virtual machine that has the guest's disks; nothing of them is ever read by the host itself. */
export interface Appliance {
  readonly devices: readonly GuestDevice[];
  /** Mounts the guest's file systems. @throws RehomeError guest-unsupported, guest-encrypted, guest-filesystem-damaged */
  mount(): Promise<GuestFilesystem>;
  /** Unmounts, and waits until everything is in the disk images. */
  close(): Promise<void>;
  kill(): Promise<void>;
}

export interface ApplianceOptions {
  readonly host: Host;
  readonly kvm: boolean;
  readonly plan: GuestPlan;
  readonly machine: Machine;
  readonly disks: readonly OverlayDisk[];
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

/** @throws RehomeError appliance-failed, command-timeout, cancelled */
export async function startAppliance(options: ApplianceOptions): Promise<Appliance> {
  const { plan, disks } = options;
  const session = await startGuestfish(options);
  try {
    for (const disk of disks) {
      // unsafe: QEMU need not flush; the overlays are synced once, before they count as converted
      await session.run("add", [disk.overlayPath, "format:qcow2", "cachemode:unsafe"]);
    }
    await launch(session, options.host);
    const blkid = await session.run("debug", ["sh", "blkid -o export"]);
    const devices = parseDevices(blkid.toString("latin1"), plan);
    return {
      devices,
      mount: () => mountGuest(session, options, devices),
      close: () => close(session),
      kill: () => session.kill(),
    };
  } catch (thrown) {
    await session.kill();
    throw thrown;
  }
}

async function launch(session: GuestfishSession, host: Host): Promise<void> {
  try {
    await session.run("run", [], START_TIMEOUT_MS);
  } catch (thrown) {
    const output =
      thrown instanceof GuestfishError ? thrown.reason : thrown instanceof RehomeError ? thrown.message : undefined;
    if (output === undefined || (thrown instanceof RehomeError && thrown.code === "cancelled")) throw thrown;
    throw new RehomeError("appliance-failed", "the libguestfs appliance does not start", {
      machine: host.name,
      output,
      remedy: "see what `libguestfs-test-tool` says on the target; the staged volumes are as they were",
      cause: thrown,
    });
  }
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
): Promise<GuestFilesystem> {
  const { plan, machine } = options;
  const files = guestfsFilesystem(session, plan.name, (device) => appliancePath(`/dev/${device}`, plan));
  const facts = { plan, machine, devices };
  await mountRoot(session, options, devices, files);
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
  }
  return files;
}

async function mountRoot(
  session: GuestfishSession,
  { plan, machine }: ApplianceOptions,
  devices: readonly GuestDevice[],
  files: GuestFilesystem,
): Promise<void> {
  const known = deviceMountedAt("/", { devices, plan, machine });
  if (known !== undefined) {
    await mountOne(session, plan, known, "/");
    if ((await files.stat("/etc/fstab")) !== undefined) return;
    await session.run("umount-all"); // the root is a subvolume of it, which inspection finds
  }
  const roots = (await session.run("inspect-os", [], START_TIMEOUT_MS)).toString("utf8").split("\n").filter(Boolean);
  const [root, ...others] = roots;
  if (root === undefined) throw noRoot(plan, devices);
  if (others.length > 0) {
    throw new RehomeError("guest-unsupported", `the disks hold several operating systems (${roots.join(", ")})`, {
      machine: plan.name,
      remedy: "inspect the source again while the one to be moved is running",
    });
  }
  try {
    await session.run("mount", [root, "/"]);
  } catch (thrown) {
    throw thrown instanceof GuestfishError ? damaged(plan, root, "/", thrown) : thrown;
  }
}

async function mountOne(
  session: GuestfishSession,
  plan: GuestPlan,
  device: GuestDevice,
  mountPoint: string,
): Promise<void> {
  try {
    await session.run("mount", [appliancePath(device.path, plan), mountPoint]);
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
