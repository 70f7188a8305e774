import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openQmp, type Qmp } from "../../../lib/qmp.js";
import { DISKS } from "../devices.js";
import type { OverlayDisk } from "../types.js";
import { launch, type Launched } from "./launch.js";
import type { GuestfishSession, SessionOptions } from "./session.js";

/** It takes 25 s on a busy emulated machine. One that takes longer is not waited for: another is started when it is needed. */
const BOOT_TIMEOUT_MS = 60_000;
const ANSWER_MS = 30_000;
const PLUG_TIMEOUT_MS = 120_000;

/**
 * An appliance that has none of the guest's disks yet, so that it can be started while they are still being written.
 * Nothing about them can be stale in it, and nothing written to them, neither by its kernel, LVM or RAID nor by QEMU: none
 * of these has opened them. Only when they are complete they are plugged in.
 */
export interface WaitingAppliance extends Launched {
  /** How long it took to start, in ms. */
  readonly startMs: number;
  /**
   * Gives it the disks. From then on it is like one that was started with them.
   * @throws RehomeError command-failed, command-timeout, appliance-failed, cancelled @throws GuestfishError
   */
  readonly plug: (disks: readonly OverlayDisk[]) => Promise<void>;
}

/** @throws RehomeError appliance-failed, command-failed, command-timeout, cancelled */
export async function startWaiting(options: SessionOptions): Promise<WaitingAppliance> {
  const folder = await mkdtemp(join(tmpdir(), "rehome-appliance-")); // for its user alone
  const path = join(folder, "monitor");
  const startedAt = Date.now();
  try {
    const launched = await launch({
      ...options,
      commands: [
        ["add", "/dev/null", "readonly:true", "format:raw"], // libguestfs starts nothing without a disk; this is an empty one
        ["config", "-qmp", `unix:${path},server=on,wait=off`],
      ],
      mark: path,
      timeoutMs: BOOT_TIMEOUT_MS,
    });
    const appliance = await withMonitor(launched, path, options.host.name);
    return { ...appliance, startMs: Date.now() - startedAt };
  } finally {
    await rm(folder, { recursive: true, force: true }); // whoever has a connection needs it no longer
  }
}

async function withMonitor(
  launched: Launched,
  path: string,
  machine: string,
): Promise<Omit<WaitingAppliance, "startMs">> {
  const socket = connect(path);
  const kill = async (): Promise<void> => {
    socket.destroy();
    await launched.kill();
  };
  try {
    const monitor = await openQmp({ machine, input: socket, output: socket, answerMs: ANSWER_MS });
    return { session: launched.session, kill, plug: (disks) => plug(launched.session, monitor, disks) };
  } catch (thrown) {
    await kill();
    throw thrown;
  }
}

async function plug(session: GuestfishSession, monitor: Qmp, disks: readonly OverlayDisk[]): Promise<void> {
  for (const disk of disks) await addDisk(monitor, disk);
  const names = disks.map(({ device }) => device);
  await session.run("debug", ["sh", assembleScript(names)], PLUG_TIMEOUT_MS);
}

/** As libguestfs's `add` with cachemode:unsafe and a label, which is the disk's serial number. */
async function addDisk(monitor: Qmp, { device, overlayPath }: OverlayDisk): Promise<void> {
  await monitor.ask("blockdev-add", {
    driver: "qcow2",
    "node-name": device,
    cache: { "no-flush": true },
    file: { driver: "file", filename: overlayPath },
  });
  await monitor.ask("device_add", { driver: "scsi-hd", id: `disk-${device}`, drive: device, serial: device });
}

/**
 * What the appliance does with its disks when it boots (libguestfs, appliance/init), in the same order: a patience for
 * slow images, RAID that is complete, LVM, other RAID. A disk and its partitions appear in udev at once.
 */
export function assembleScript(devices: readonly string[]): string {
  return [
    `for disk in ${devices.join(" ")}; do tries=0`,
    `until [ -e ${DISKS}/$disk ]; do tries=$((tries + 1)); if [ $tries -gt 300 ]; then exit 1; fi; sleep 0.1; done`,
    "done",
    "for file in /sys/block/sd*/device/timeout; do echo 300 >$file; done",
    "udevadm settle --timeout=60",
    "mdadm -As --auto=yes --no-degraded",
    "lvm pvscan --cache --activate ay",
    "mdadm -As --auto=yes --run",
    "udevadm settle --timeout=60",
  ].join("\n");
}
