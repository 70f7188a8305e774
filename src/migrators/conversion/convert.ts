import { join } from "node:path";
import { RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import { reported } from "../../lib/report.js";
import type { Distribution } from "../types.js";
import { applyEdit, filesOf } from "./apply.js";
import { makeGrub } from "./grub/images.js";
import { startAppliance, type Appliance } from "./guestfs/appliance.js";
import { staticBusybox } from "./kernel/busybox.js";
import { readKernel } from "./kernel/prepare.js";
import { discardOverlays, freeSpace, noSpace, overlayState, prepareOverlays, setOverlayState } from "./overlays.js";
import { productsOf } from "./products.js";
import { readDistribution } from "./distribution.js";
import { STEPS } from "./steps/index.js";
import type {
  Change,
  ConversionOptions,
  ConversionReport,
  Edit,
  GuestFilesystem,
  Phase,
  Step,
  StepContext,
  Supplies,
} from "./types.js";

/**
 * Makes the guest in the overlays boot on KVM. The volumes below them are only read.
 * @throws RehomeError appliance-failed, conversion-failed, conversion-no-space, guest-unsupported, guest-encrypted,
 *   guest-filesystem-damaged, guest-disk-full, command-failed, command-timeout, cancelled
 */
export async function convertGuest(options: ConversionOptions): Promise<ConversionReport> {
  const state = await overlayState(options);
  if (state !== "prepared") {
    throw new RehomeError("internal", `the overlays of ${options.plan.name} are ${state} instead of prepared`);
  }
  const begunAt = Date.now();
  const { phases, phase } = clock(options);
  try {
    const kvm = options.hypervisor === "kvm";
    const title = options.waiting === undefined ? "start the appliance" : "give the disks to the appliance";
    const appliance = await phase(title, () => startAppliance({ ...options, kvm }));
    const { startMs, startedAt } =
      options.waiting === undefined
        ? { startMs: Date.now() - begunAt, startedAt: Date.now() }
        : { startMs: options.waiting.startMs, startedAt: begunAt };
    try {
      const done = await convertMounted(options, appliance, phase);
      await phase("unmount", () => appliance.close());
      await phase("flush", async () => {
        await runChecked(options.host, ["sync", "--", ...options.disks.map((disk) => disk.overlayPath)]);
        await setOverlayState(options, "converted");
      });
      return { ...done, phases, durationMs: Date.now() - startedAt, startMs };
    } finally {
      await appliance.kill();
    }
  } catch (thrown) {
    throw await explain(options, thrown);
  }
}

/**
 * Does the whole conversion on overlays that are thrown away: what it would change, and how long it takes. The source
 * may be running; the staged volumes can then be too torn to be mounted, which says nothing about the cutover.
 * @throws RehomeError as convertGuest
 */
export async function checkConversion(
  options: Omit<ConversionOptions, "disks">,
  images?: readonly string[],
): Promise<ConversionReport> {
  const rehearsal = { ...options, workFolder: join(options.workFolder, "check") };
  const disks = await prepareOverlays(rehearsal, images);
  try {
    return await convertGuest({ ...rehearsal, disks });
  } finally {
    await discardOverlays(rehearsal);
  }
}

/** Bytes of a guest's file read at once. */
const PIECE = 1024 * 1024;

type RunPhase = <T>(name: string, work: () => Promise<T>) => Promise<T>;

function clock(options: ConversionOptions): { phases: Phase[]; phase: RunPhase } {
  const phases: Phase[] = [];
  const parent = options.parentTask;
  return {
    phases,
    async phase(name, work) {
      const startedAt = Date.now();
      const task = { id: `convert: ${name}`, title: name, ...(parent !== undefined && { parent }) };
      const result = await reported(options.report, task, work);
      phases.push({ name, durationMs: Date.now() - startedAt });
      return result;
    },
  };
}

async function convertMounted(
  options: ConversionOptions,
  appliance: Appliance,
  phase: RunPhase,
): Promise<Pick<ConversionReport, "changes" | "warnings">> {
  const { plan, machine } = options;
  const { files, mounts } = await phase("mount", () => appliance.mount());
  const distribution = await readDistribution(files);
  requireSupported(distribution, plan.name);
  const { devices } = appliance;
  const supplies: Supplies = {
    grub: (uuid, folder) => makeGrub(options.host, options.workFolder, uuid, folder),
    kernel: () => readKernel(options.kernelFolder),
    busybox: () => staticBusybox(options.host),
    products: productsOf(options),
  };
  const context: StepContext = { files, mounts, supplies, plan, machine, distribution, devices };
  const changes: Change[] = [];
  const warnings: string[] = [];
  for (const step of STEPS) {
    const done = await phase(step.name, () => runStep(step, context));
    changes.push(...done.changes);
    warnings.push(...done.warnings);
  }
  return { changes, warnings };
}

/** @throws RehomeError conversion-failed when the step finds more to change after it was carried out */
export async function runStep(
  step: Step,
  context: StepContext,
): Promise<Pick<ConversionReport, "changes" | "warnings">> {
  const found = await step.check(context);
  for (const edit of found.edits) {
    await applyEdit(context.files, edit);
    await keepProduct(context, edit);
  }
  if (found.edits.length > 0) {
    const left = await step.check(context);
    if (left.edits.length > 0) {
      throw new RehomeError("conversion-failed", `${step.name} was changed, but is still not as it should be`, {
        machine: context.plan.name,
        output: left.edits.flatMap((edit) => edit.what).join("\n"),
      });
    }
  }
  return {
    changes: found.edits.flatMap((edit) => edit.what.map((what) => ({ step: step.name, what, files: filesOf(edit) }))),
    warnings: found.warnings,
  };
}

/** What took long to make is made once. */
async function keepProduct({ files, supplies }: StepContext, edit: Edit): Promise<void> {
  if (edit.kind !== "command" || edit.product === undefined) return;
  const { name, paths, replaces } = edit.product;
  const made: Buffer[] = [];
  for (const path of paths) made.push(await readWhole(files, path));
  await supplies.products.keep(name, made, replaces);
}

async function readWhole(files: GuestFilesystem, path: string): Promise<Buffer> {
  const size = (await files.stat(path))?.size ?? 0;
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < size; offset += PIECE) pieces.push(await files.readPart(path, offset, PIECE));
  return Buffer.concat(pieces);
}

function requireSupported(distribution: Distribution, machine: string): void {
  if (distribution.id === "debian" || distribution.id === "ubuntu") return;
  throw new RehomeError("guest-unsupported", `${distribution.name} cannot be converted yet`, {
    machine,
    path: "/etc/os-release",
    remedy: "rehome converts Debian and Ubuntu; other systems must be made to boot on virtio by hand",
  });
}

/** QEMU stops the appliance when an overlay cannot grow, so a full disk shows itself as a time-out. */
async function explain(options: ConversionOptions, thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof RehomeError)) return thrown;
  if (!["command-timeout", "appliance-failed", "file-unwritable"].includes(thrown.code)) return thrown;
  const free = await freeSpace(options).catch(() => undefined);
  return free !== undefined && free < 1024 * 1024 ? noSpace(options, "its disk is full") : thrown;
}
