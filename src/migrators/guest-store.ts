import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openJournal, readJournal } from "../lib/journal.js";
import { acquireLock, type Lock } from "../lib/lock.js";
import type { GuestPlan, GuestState, Machine, Pass } from "./types.js";

/**
 * What is remembered of a guest between commands: one append-only journal, from which everything is derived.
 * A record is on the disk before the next thing happens.
 */
export type GuestRecord =
  | { readonly type: "planned"; readonly at: number; readonly plan: GuestPlan; readonly machine: Machine }
  | { readonly type: "pass-started"; readonly at: number; readonly disk: string; readonly number: number }
  | { readonly type: "pass"; readonly at: number; readonly pass: Pass }
  | StepRecord
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
    records: () => readJournal<GuestRecord>(journalPath),
    async append(record) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
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

/** The last recorded state; `planned` when nothing was. */
export function stateOf(records: readonly GuestRecord[]): GuestState {
  return records.findLast((record) => record.type === "state")?.state ?? "planned";
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
