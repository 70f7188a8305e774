import { join } from "node:path";
import { probeHypervisor } from "../../cluster/libvirt/probe.js";
import type { Hypervisor } from "../../cluster/libvirt/types.js";
import { consoleTail } from "../../lib/console-text.js";
import { RehomeError } from "../../lib/errors.js";
import { availableMemory } from "../../lib/host/memory.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";
import { reported, type Report } from "../../lib/report.js";
import { formatDuration, formatSize, parseDuration } from "../../lib/units.js";
import { convertGuest } from "../conversion/convert.js";
import { prepareOverlays } from "../conversion/overlays.js";
import type { ConversionReport, ConversionTarget, OverlayDisk } from "../conversion/types.js";
import { plannedOf, stateOf, type GuestRecord } from "../guest-store.js";
import { conversionTarget, withImages } from "../landing/images.js";
import { volumeKeeper } from "../landing/volume-keeper.js";
import { notStaged, requireState } from "../cutover/refusals.js";
import type { GuestSession } from "../session.js";
import type { GuestPlan, Machine } from "../types.js";
import { bootApart, type Booted } from "./boot.js";
import { doubtAbout } from "./doubt.js";
import { memoryFor } from "./hardware.js";
import type { Rehearsal, RehearsalResult } from "./types.js";

export interface RehearsalRequest {
  readonly session: GuestSession;
  /** How long the guest may take to boot, in ms; its `bootTimeout` in rehome.yaml without it. */
  readonly timeoutMs?: number;
  readonly report: Report;
  readonly signal?: AbortSignal;
}

/** Below the guest's folder: what stays of its last rehearsal, and what goes with it. */
const [KEPT, WORK] = ["rehearsal", "rehearsal/work"] as const;

/**
 * Converts a staged guest and boots it, on overlays of its volumes that are thrown away, apart from every network. The
 * guest's lock is held all the time, so nobody stages meanwhile. What it came to is in the guest's journal; what an
 * earlier rehearsal left that was killed goes first.
 * @throws RehomeError rehearsal-failed when the guest does not boot; locked, not-staged, wrong-state, memory-short, and what the
 *   conversion and the start throw
 */
export async function rehearse(request: RehearsalRequest): Promise<RehearsalResult> {
  const { session, report, signal } = request;
  const { store, target: host } = session;
  const lock = await store.lock(`rehome rehearse ${session.guest}`);
  try {
    const { plan, machine } = requireStaged(session, await store.records());
    const kept = join(store.folder, KEPT);
    const target = conversionTarget({ plan, session, signal }, WORK);
    await runChecked(host, ["rm", "-rf", "--", kept]);
    await runChecked(host, ["mkdir", "-m", "0700", "--", kept]);
    const volumes = volumeKeeper(() => session.openVolumes({ plan, report, signal }), report);
    try {
      const hypervisor = await probeHypervisor(host);
      return await withImages({ volumes, plan }, (images) =>
        perform(request, { plan, machine, hypervisor, target, kept }, images),
      );
    } finally {
      await volumes.release().finally(() => runChecked(host, ["rm", "-rf", "--", target.workFolder]));
    }
  } finally {
    await lock.release();
  }
}

interface Setting {
  readonly plan: GuestPlan;
  readonly machine: Machine;
  readonly hypervisor: Hypervisor;
  readonly target: ConversionTarget;
  readonly kept: string;
}

async function perform(
  request: RehearsalRequest,
  setting: Setting,
  images: readonly string[],
): Promise<RehearsalResult> {
  const { session } = request;
  const { plan, hypervisor, kept } = setting;
  const emulated = hypervisor.type === "qemu";
  const note = async (outcome: Outcome): Promise<Rehearsal> => {
    const rehearsal = { at: Date.now(), emulated, ...outcome };
    await session.store.append({ type: "rehearsal", at: rehearsal.at, rehearsal });
    return rehearsal;
  };
  const { disks, converted } = await convert(request, setting, images, note);
  const times = { convertMs: converted.durationMs, applianceMs: converted.startMs };
  const memory = await memoryHere(session.target, plan, request.report);
  const booted = await boot(request, setting, disks, memory);
  const consolePath = join(kept, "console.txt");
  await session.target.writeFile(consolePath, withScreen(booted), 0o600);
  const { verdict, bootMs } = booted;
  if (!verdict.boots) {
    const doubt = doubtAbout(booted, emulated);
    const because = [verdict.why, doubt?.what].filter(Boolean).join("; ");
    await note({ outcome: doubt === undefined ? "fails" : "unclear", because, ...times });
    throw doesNotBoot(session.guest, because, doubt?.remedy, consolePath, booted);
  }
  return {
    guest: session.guest,
    ...(await note({ outcome: "boots", because: verdict.by, ...times, bootMs })),
    changes: converted.changes.map(({ what }) => what),
    warnings: converted.warnings,
    failedServices: booted.failedServices,
    memory,
    console: consolePath,
    lastWords: consoleTail(booted.console, 6),
    screenshot: booted.screenshot,
  };
}

type Outcome = Omit<Rehearsal, "at" | "emulated">;

/** What lies in the guest itself, and would stop its cutover as well. */
const GUESTS_OWN = ["guest-unsupported", "guest-encrypted", "guest-disk-full", "conversion-failed"];

async function convert(
  { report }: RehearsalRequest,
  { target, machine, hypervisor }: Setting,
  images: readonly string[],
  note: (outcome: Outcome) => Promise<unknown>,
): Promise<{ readonly disks: readonly OverlayDisk[]; readonly converted: ConversionReport }> {
  const disks = await prepareOverlays(target, images);
  const task = { id: "convert", title: "convert an overlay of the copy" };
  const options = { ...target, machine, disks, report, hypervisor: hypervisor.type, parentTask: task.id };
  try {
    const converted = await reported(
      report,
      task,
      () => convertGuest(options),
      ({ changes }) => `${changes.length} changes`,
    );
    for (const text of converted.warnings) report.note({ severity: "warning", text });
    return { disks, converted };
  } catch (thrown) {
    if (!(thrown instanceof RehomeError)) throw thrown;
    const because = `the conversion: ${thrown.message}`;
    const within = thrown.code === "command-failed" && thrown.where.machine === target.plan.name;
    if (within || GUESTS_OWN.includes(thrown.code)) await note({ outcome: "fails", because });
    if (thrown.code === "guest-filesystem-damaged") await note({ outcome: "unclear", because });
    throw thrown;
  }
}

async function boot(
  { session, timeoutMs, report, signal }: RehearsalRequest,
  { plan, hypervisor, target, kept }: Setting,
  disks: readonly OverlayDisk[],
  memory: number,
): Promise<Booted> {
  const { target: host } = session;
  const cpus = Number(await runChecked(host, ["nproc"]));
  return reported(
    report,
    { id: "boot", title: `boot it apart from every network${hypervisor.type === "qemu" ? ", emulated" : ""}` },
    () =>
      bootApart({
        ...{ host, plan, hypervisor, disks, memory, signal },
        vcpus: Math.min(plan.vcpus, cpus),
        workFolder: target.workFolder,
        keepFolder: kept,
        timeoutMs: timeoutMs ?? parseDuration(session.guestConfig.bootTimeout),
      }),
    ({ verdict, bootMs }) =>
      verdict.boots ? `${verdict.by} after ${formatDuration(bootMs)}` : `it does not boot: ${verdict.why}`,
  );
}

async function memoryHere(host: Host, { memory: planned }: GuestPlan, report: Report): Promise<number> {
  const memory = memoryFor(planned, await availableMemory(host), host.name);
  if (memory < planned) {
    const given = `${formatSize(memory)} instead of ${formatSize(planned)} of memory`;
    report.note({ severity: "info", text: `the guest is started with ${given}: no more is free here` });
  }
  return memory;
}

function withScreen({ console, screen }: Pick<Booted, "console" | "screen">): string {
  return screen === "" ? console : `${console}\n\n--- the screen, which was in text mode ---\n${screen}\n`;
}

function doesNotBoot(
  guest: string,
  why: string,
  doubt: string | undefined,
  path: string,
  { console, screen }: Booted,
): RehomeError {
  const again = `run rehome stage ${guest} and rehome rehearse ${guest}`;
  return new RehomeError("rehearsal-failed", `${guest} does not boot: ${why}`, {
    path,
    output: consoleTail(console === "" ? screen : console, 15),
    remedy: `${doubt ?? "put it right on the source"}; then ${again}; beside that file is a picture of its screen`,
  });
}

function requireStaged(
  session: GuestSession,
  records: readonly GuestRecord[],
): { readonly plan: GuestPlan; readonly machine: Machine } {
  requireState(session, stateOf(records), ["staged"], "rehearse");
  const planned = plannedOf(records);
  if (planned === undefined) throw notStaged(session);
  if (planned.plan.firmware === "bios") return planned;
  throw new RehomeError("guest-unsupported", "guests that start with UEFI cannot be rehearsed yet", {
    machine: session.guest,
  });
}
