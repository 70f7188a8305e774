import { RehomeError } from "../../../lib/errors.js";
import { exportDisk, type DiskExport } from "../../../lib/nbd/disk-export.js";
import type { Host } from "../../../lib/host/types.js";
import { probeHypervisor } from "../../../cluster/libvirt/probe.js";
import { guestfsFilesystem } from "../../conversion/guestfs/filesystem.js";
import { GuestfishError, startGuestfish, type GuestfishSession } from "../../conversion/guestfs/session.js";
import type { GuestFilesystem } from "../../conversion/types.js";
import { readFirstSectors, type BootCode } from "../../physical/inspection/first-sectors.js";
import type { BootLoader } from "../../types.js";
import { CONTENTS_SCRIPT, parseContents, type Contents, type FoundDevice } from "./contents.js";

/** A disk on the source's host that is looked into. */
export interface LookDisk {
  /** In the guest: `xvda`, `xvda1`. */
  readonly device: string;
  /** On the host. */
  readonly path: string;
  /** As libguestfs names it: `raw`, `qcow2`, `vpc`. */
  readonly format: string;
}

/** Another machine's disks in a libguestfs appliance of this one, where nothing that is written reaches them. */
export interface Look extends Contents {
  /** The file systems that are mounted. */
  readonly files: GuestFilesystem;
  /** @returns why it cannot be mounted, if it cannot */
  mount(device: FoundDevice, mountPoint: string): Promise<string | undefined>;
  unmountAll(): Promise<void>;
  /** The boot loader in the first sector of a disk, if there is one. */
  bootLoader(): Promise<BootLoader | undefined>;
}

const START_TIMEOUT_MS = 180_000;
const SECTOR = 512;

const LOADERS = {
  grub2: "grub-pc",
  "grub-legacy": "grub-legacy",
  lilo: "lilo",
  syslinux: "extlinux",
} as const satisfies Record<BootCode, BootLoader["name"]>;

/**
 * Opens disks of another machine for a look: nothing is installed there, nothing is written there, and what is on the
 * disks is read by the appliance alone.
 * @throws RehomeError appliance-failed, source-tool-missing, disk-missing, source-read-failed, connection-lost
 */
export async function lookAtDisks<T>(
  source: { readonly host: Host; readonly disks: readonly LookDisk[] },
  local: Host,
  work: (look: Look) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const options = signal && { signal };
  const exports: DiskExport[] = [];
  let session: GuestfishSession | undefined;
  try {
    for (const { path } of source.disks) exports.push(await exportDisk(source.host, path, options));
    const kvm = (await probeHypervisor(local)).type === "kvm";
    session = await startGuestfish({ host: local, kvm, ...options });
    return await work(await openLook(session, source.disks, exports, local));
  } catch (thrown) {
    throw exports.map((one) => one.failure()).find(Boolean) ?? wordsOf(thrown, local);
  } finally {
    await session?.kill();
    for (const one of exports) await one.close();
  }
}

function wordsOf(thrown: unknown, local: Host): unknown {
  if (!(thrown instanceof GuestfishError)) return thrown;
  return new RehomeError("appliance-failed", `libguestfs cannot ${thrown.command} the disks`, {
    machine: local.name,
    output: thrown.reason.slice(-2000),
    cause: thrown,
  });
}

async function openLook(
  session: GuestfishSession,
  disks: readonly LookDisk[],
  exports: readonly DiskExport[],
  local: Host,
): Promise<Look> {
  for (const [index, { format }] of disks.entries()) {
    const socket = exports[index]?.socket ?? "";
    const where = ["protocol:nbd", `server:unix:${socket}`, "readonly:true", `format:${format}`];
    await session.run("add-drive", ["", ...where, `label:${labelOf(index)}`]);
  }
  await session.run("run", [], START_TIMEOUT_MS);
  const found = await session.run("debug", ["sh", CONTENTS_SCRIPT], START_TIMEOUT_MS);
  const names = new Map(disks.map(({ device }, index) => [labelOf(index), device]));
  const contents = parseContents(found.toString("latin1"), names);
  const files = guestfsFilesystem(session, {
    machine: local.name,
    applianceDevice: (device) => device,
    stage: () => Promise.reject(new RehomeError("internal", "a look writes nothing")),
  });
  return {
    ...contents,
    files,
    async mount({ appliancePath }, mountPoint) {
      try {
        await session.run("mount-ro", [appliancePath, mountPoint]);
        return undefined;
      } catch (thrown) {
        if (thrown instanceof GuestfishError) return thrown.reason;
        throw thrown;
      }
    },
    async unmountAll() {
      await session.run("umount-all");
    },
    async bootLoader() {
      for (const { name, appliancePath } of contents.devices.filter(({ type }) => type === "disk")) {
        const bytes = await session.run("pread-device", [appliancePath, `${2 * SECTOR}`, "0"]);
        const code = readFirstSectors(bytes, SECTOR).bootCode;
        if (code !== undefined) return { name: LOADERS[code], disk: name };
      }
      return undefined;
    },
  };
}

/** guestfs(3): a label is letters only. */
function labelOf(index: number): string {
  return `look${String.fromCharCode("a".charCodeAt(0) + (index % 26))}`;
}
