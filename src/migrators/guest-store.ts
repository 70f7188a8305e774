import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, reasonOf } from "../lib/folder.js";
import { openJournal, readJournal } from "../lib/journal.js";
import { RehomeError } from "../lib/errors.js";
import { acquireLock, type Lock } from "../lib/lock.js";
import type { CommonHardware } from "./landing/common-hardware.js";
import type { Rehearsal } from "./rehearsal/types.js";
import type { GuestPlan, GuestState, Machine, Pass, Tracking } from "./types.js";

/**
 * What is remembered of a guest between commands: one append-only journal, from which everything is derived.
 * A record is on the disk before the next thing happens.
 */
export type GuestRecord =
  | { readonly type: "planned"; readonly at: number; readonly plan: GuestPlan; readonly machine: Machine }
  | { readonly type: "pass-started"; readonly at: number; readonly disk: string; readonly number: number }
  | { readonly type: "pass"; readonly at: number; readonly pass: Pass }
  /** Without `tracking`, nothing follows the disk's changes any more. */
  | { readonly type: "tracking"; readonly at: number; readonly disk: string; readonly tracking?: Tracking }
  /** Extents of a disk, packed, that are no part of the copy from now on, which has zeros there: rehome's own snapshots. */
  | { readonly type: "left-out"; readonly at: number; readonly disk: string; readonly extents: string }
  | StepRecord
  /** What both hosts have, as it was found last. */
  | { readonly type: "hardware"; readonly at: number; readonly hardware: CommonHardware }
  /** Hosts that were away when the guest was registered, and have no definition of it: none once all have it. */
  | { readonly type: "registered"; readonly at: number; readonly undefinedOn: readonly string[] }
  /** The downtime that the present cutover allows, and that it went back because it was exceeded. */
  | { readonly type: "budget"; readonly at: number; readonly maxDowntimeMs: number; readonly exceeded?: true }
  | { readonly type: "rehearsal"; readonly at: number; readonly rehearsal: Rehearsal }
  | { readonly type: "placed"; readonly at: number; readonly host: string; readonly because: string }
  | { readonly type: "state"; readonly at: number; readonly state: GuestState };

/** A step of the cutover or of its undoing. */
export interface StepRecord {
  readonly type: "step";
  readonly at: number;
  readonly step: string;
  readonly event: "started" | "done" | "failed" | "undo-started" | "undone" | "undo-failed";
  readonly durationMs?: number;
  readonly detail?: string;
  /** What the step found out and later ones, or its undoing, need to know. */
  readonly facts?: Readonly<Record<string, string>>;
}

/** Paths and journal of one guest below the target's state folder. */
export interface GuestStore {
  readonly guest: string;
  readonly folder: string;
  /** Folder of the block engine's digest maps, one a disk. */
  readonly disksFolder: string;
  records(): Promise<readonly GuestRecord[]>;
  append(record: GuestRecord): Promise<void>;
  /** Exclusive use of the guest. @throws RehomeError locked */
  lock(purpose: string): Promise<Lock>;
}

export function guestStore(stateFolder: string, guest: string): GuestStore {
  const folder = join(stateFolder, "guests", guest);
  const journalPath = join(folder, "journal.jsonl");
  return {
    guest,
    folder,
    disksFolder: join(folder, "disks"),
    async records() {
      const records = await readJournal<GuestRecord>(journalPath);
      records.forEach((record, index) => requireKnown(record, journalPath, index + 1));
      return records;
    },
    async append(record) {
      await makeFolder(folder, 0o700);
      const journal = await openJournal<GuestRecord>(journalPath);
      try {
        await journal.append(record);
      } finally {
        await journal.close();
      }
    },
    lock: (purpose) => acquireLock(join(folder, "lock"), purpose),
  };
}

/**
 * What is remembered of all guests, also of those that are not in rehome.yaml any more; by name.
 * @throws RehomeError file-unreadable
 */
export async function guestStores(stateFolder: string): Promise<readonly GuestStore[]> {
  const path = join(stateFolder, "guests");
  try {
    const entries = await readdir(path, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    return names.toSorted().map((name) => guestStore(stateFolder, name));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new RehomeError("file-unreadable", `cannot read what is remembered: ${reasonOf(cause)}`, { path, cause });
  }
}

const STATES: readonly unknown[] = ["planned", "staging", "staged", "cutting-over", "cut-over", "committed"];
const EVENTS: readonly unknown[] = ["started", "done", "failed", "undo-started", "undone", "undo-failed"];
const OUTCOMES: readonly unknown[] = ["boots", "fails", "unclear"];

/** What each type of record must have for what is derived from it to mean anything. */
const KNOWN: Readonly<Record<GuestRecord["type"], (record: Readonly<Record<string, unknown>>) => boolean>> = {
  planned: ({ plan, machine }) => isObject(plan) && Array.isArray(plan["volumes"]) && isObject(machine),
  "pass-started": ({ disk, number }) => typeof disk === "string" && typeof number === "number",
  pass: ({ pass }) => isObject(pass) && typeof pass["number"] === "number",
  tracking: ({ disk, tracking }) => typeof disk === "string" && (tracking === undefined || isObject(tracking)),
  "left-out": ({ disk, extents }) => typeof disk === "string" && typeof extents === "string",
  step: ({ step, event }) => typeof step === "string" && EVENTS.includes(event),
  hardware: ({ hardware }) => isObject(hardware) && isObject(hardware["hypervisor"]),
  registered: ({ undefinedOn }) => Array.isArray(undefinedOn),
  budget: ({ maxDowntimeMs }) => typeof maxDowntimeMs === "number",
  rehearsal: ({ rehearsal }) => isObject(rehearsal) && OUTCOMES.includes(rehearsal["outcome"]),
  placed: ({ host }) => typeof host === "string",
  state: ({ state }) => STATES.includes(state),
};

/**
 * A record that is not understood may be the one that says where the guest runs: it is never passed over.
 * @throws RehomeError journal-corrupt
 */
function requireKnown(record: unknown, path: string, line: number): void {
  const type = isObject(record) ? record["type"] : undefined;
  if (isObject(record) && typeof type === "string" && Object.hasOwn(KNOWN, type)) {
    if (KNOWN[type as GuestRecord["type"]](record)) return;
  }
  throw new RehomeError("journal-corrupt", "the journal has a record that rehome does not understand", {
    path,
    line,
    remedy:
      "use the version of rehome that wrote it, or restore it from a backup; do not start a copy before you know which counts",
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The last recorded state; `planned` when nothing was. */
export function stateOf(records: readonly GuestRecord[]): GuestState {
  return records.findLast((record) => record.type === "state")?.state ?? "planned";
}

/** Whether a guest's cutover began and was not undone: nothing is staged from its source, which is off or about to be. */
export function cutoverBegan(state: GuestState): boolean {
  return state === "cutting-over" || state === "cut-over" || state === "committed";
}

/** The plan that the guest was staged by, and the machine as it was then. */
export function plannedOf(
  records: readonly GuestRecord[],
): { readonly plan: GuestPlan; readonly machine: Machine } | undefined {
  return records.findLast((record) => record.type === "planned");
}

/** All completed passes, oldest first. */
export function passesOf(records: readonly GuestRecord[]): readonly Pass[] {
  return records.flatMap((record) => (record.type === "pass" ? [record.pass] : []));
}

/** Hosts that have no definition of the guest since the last cutover, and so must not run it. */
export function undefinedHosts(records: readonly GuestRecord[]): readonly string[] {
  const begin = records.findLastIndex((record) => record.type === "state" && record.state === "cutting-over");
  return records.slice(begin + 1).findLast((record) => record.type === "registered")?.undefinedOn ?? [];
}

/** How the guest was rehearsed last. */
export function rehearsalOf(records: readonly GuestRecord[]): Rehearsal | undefined {
  return records.findLast((record) => record.type === "rehearsal")?.rehearsal;
}

/** What follows the changes of each disk on the source, by the disk's name. */
export function trackingOf(records: readonly GuestRecord[]): ReadonlyMap<string, Tracking> {
  const found = new Map<string, Tracking>();
  for (const record of records) {
    if (record.type !== "tracking") continue;
    if (record.tracking === undefined) found.delete(record.disk);
    else found.set(record.disk, record.tracking);
  }
  return found;
}

type LeftOut = Extract<GuestRecord, { readonly type: "left-out" }>;

/** Extents of a disk that are no part of its copy, packed; undefined when all of it is. */
export function leftOutOf(records: readonly GuestRecord[], disk: string): string | undefined {
  const isOf = (record: GuestRecord): record is LeftOut => record.type === "left-out" && record.disk === disk;
  return records.findLast(isOf)?.extents;
}
