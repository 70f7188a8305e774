import { join } from "node:path";
import type { VolumeStore } from "../../cluster/volumes/types.js";
import { RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import type { VolumePlan } from "../types.js";
import { overlayExtents, writeOverlay } from "./overlay-data.js";
import type { ConversionTarget, OverlayDisk } from "./types.js";

/**
 * How far the overlays of a guest are; kept in one small file beside them, replaced at once.
 * Nothing is written to a volume before `committing`, and nothing can be discarded from then on.
 */
export type OverlayState = "none" | "prepared" | "converted" | "committing" | "committed";

/**
 * Makes an empty overlay over every volume of the guest; what an earlier conversion left is dropped.
 * The volumes must not change from now on.
 * @param images what QEMU is to read the volumes by, in the plan's order; it may be gone once the guest is converted
 * @throws RehomeError conversion-committing, conversion-no-space, command-failed
 */
export async function prepareOverlays(
  target: ConversionTarget,
  images: readonly string[] = target.plan.volumes.map(({ path }) => path),
): Promise<readonly OverlayDisk[]> {
  const { host, plan, workFolder, signal } = target;
  const options = signal && { signal };
  await runChecked(host, ["mkdir", "-p", "-m", "0700", "--", workFolder], options);
  if ((await overlayState(target)) === "committing") throw committing(target);
  await dropOverlays(target);
  await requireSpace(target);
  for (const [index, volume] of plan.volumes.entries()) {
    const argv = [
      "qemu-img",
      "create",
      "-q",
      "-f",
      "qcow2",
      "-F",
      "raw",
      "-b",
      images[index] ?? volume.path,
      overlayPath(target, volume),
    ];
    await runChecked(host, argv, options);
  }
  await setOverlayState(target, "prepared");
  return overlaysOf(target);
}

/** The overlays' places, in the order of the plan's volumes. */
export function overlaysOf(target: ConversionTarget): readonly OverlayDisk[] {
  return target.plan.volumes.map((volume) => ({ device: volume.device, overlayPath: overlayPath(target, volume) }));
}

/**
 * Writes the converted blocks into the volumes, reads them back, and removes the overlays. May be repeated after a crash at any moment:
 * an overlay goes only when its volume has everything on stable storage.
 * @throws RehomeError conversion-unfinished, verify-mismatch, command-failed, and what opening volumes throws
 */
export async function commitOverlays(target: ConversionTarget, volumes: VolumeStore): Promise<void> {
  const { host, plan, signal } = target;
  const options = signal && { signal };
  const state = await overlayState(target);
  if (state === "committed") return;
  if (state !== "converted" && state !== "committing") {
    throw new RehomeError("conversion-unfinished", `the conversion of ${plan.name} is not finished (${state})`, {
      machine: host.name,
      path: target.workFolder,
      remedy: "convert the guest before its conversion is committed",
    });
  }
  await setOverlayState(target, "committing");
  for (const volume of plan.volumes) {
    const overlay = overlayPath(target, volume);
    const present = await host.run(["test", "-e", overlay], options);
    if (present.exitCode !== 0) continue;
    const extents = await overlayExtents(host, overlay);
    const { path, disk, size } = volume;
    const opened = await volumes.open({ path, guest: plan.name, disk, size });
    try {
      await writeOverlay(overlay, extents, opened);
    } finally {
      await opened.close();
    }
    await runChecked(host, ["rm", "-f", "--", overlay], options);
  }
  await setOverlayState(target, "committed");
}

/**
 * Throws the conversion away; the volumes are as they were staged.
 * @throws RehomeError conversion-committing when a commit has begun: it is finished, or gone back from as a whole
 */
export async function discardOverlays(target: ConversionTarget): Promise<void> {
  const state = await overlayState(target);
  if (state === "committing") throw committing(target);
  if (state === "committed") return;
  await dropOverlays(target);
}

export async function overlayState(target: ConversionTarget): Promise<OverlayState> {
  const { host } = target;
  const path = statePath(target);
  const present = await host.run(["test", "-e", path], target.signal && { signal: target.signal });
  if (present.exitCode !== 0) return "none";
  const state = (await host.readFile(path)).toString("utf8").trim();
  if (state === "prepared" || state === "converted" || state === "committing" || state === "committed") return state;
  throw new RehomeError("output-unreadable", `"${state.slice(0, 40)}" is no state of a conversion`, {
    machine: host.name,
    path,
  });
}

export async function setOverlayState(target: ConversionTarget, state: OverlayState): Promise<void> {
  await target.host.writeFile(statePath(target), `${state}\n`, 0o600);
}

/**
 * Drops the overlays however far they are, also half committed ones: for volumes of which nothing is believed any more
 * (markStaged), so that whatever came to be on them is overwritten.
 */
export async function dropOverlays(target: ConversionTarget): Promise<void> {
  const paths = [statePath(target), join(target.workFolder, "upload")];
  paths.push(...overlaysOf(target).map((overlay) => overlay.overlayPath));
  await runChecked(target.host, ["rm", "-f", "--", ...paths]); // without the signal: this is also how to clean up
}

/** Bytes of the target's disk that the largest conversion so far needed (a rebuilt initramfs or two), with room. */
const SPACE_NEEDED = 512 * 1024 * 1024;

async function requireSpace(target: ConversionTarget): Promise<void> {
  const free = await freeSpace(target);
  if (free >= SPACE_NEEDED) return;
  throw noSpace(target, `only ${Math.floor(free / 1024 / 1024)} MiB are free, 512 MiB are needed`);
}

/** Free bytes below the work folder. */
export async function freeSpace(target: Pick<ConversionTarget, "host" | "workFolder">): Promise<number> {
  const output = await runChecked(target.host, ["df", "--output=avail", "-B1", "--", target.workFolder]);
  return Number(output.trim().split("\n").at(-1));
}

export function noSpace(target: Pick<ConversionTarget, "host" | "workFolder" | "plan">, why: string): RehomeError {
  return new RehomeError("conversion-no-space", `no space for the conversion of ${target.plan.name}: ${why}`, {
    machine: target.host.name,
    path: target.workFolder,
    remedy: "make space there, then run the same command again; the staged volumes are as they were",
  });
}

function committing(target: ConversionTarget): RehomeError {
  return new RehomeError("conversion-committing", `the conversion of ${target.plan.name} is half committed`, {
    machine: target.host.name,
    path: target.workFolder,
    remedy: "run the cutover again: it finishes the commit",
  });
}

function overlayPath(target: ConversionTarget, volume: VolumePlan): string {
  return join(target.workFolder, `${volume.device}.qcow2`);
}

function statePath(target: ConversionTarget): string {
  return join(target.workFolder, "conversion.state");
}
