import { createHash } from "node:crypto";
import { guidFrom, GPT_PARTITIONS } from "../../lib/partition-table/gpt.js";
import { DOS_LIMIT, DOS_PARTITIONS } from "../../lib/partition-table/mbr.js";
import type { WrappedDisk, Wrapping } from "../types.js";

const MIB = 1024 * 1024;

/** Where the first partition begins, as every partitioner does it: before it is room for a boot loader. */
export const ALIGNMENT = MIB;
/** A GPT on a disk that GRUB starts from has its place as a partition, whose number no guest's has. */
export const BOOT_LOADER_NUMBER = GPT_PARTITIONS;

/** `xvda3` → disk `xvda`, number 3; undefined for the name of a whole disk. */
export function partitionName(name: string): { readonly disk: string; readonly number: number } | undefined {
  const match = /^((?:xvd|sd|hd|vd)[a-z]+)([1-9]\d*)$/.exec(name);
  return match?.[1] === undefined ? undefined : { disk: match[1], number: Number(match[2]) };
}

/** A disk that is wrapped, before it has its place. */
export type Payload = Omit<WrappedDisk, "offset">;

/**
 * The whole disk that disks of the source become which have no partition table: each at a multiple of 1 MiB, in the order
 * of their numbers, which stay; a DOS table where that can say it, otherwise a GPT. The same input gives the same layout
 * and ids, so that deltas land where the first pass went.
 * @param seed what the table's id is made of: nothing else may have the same
 */
export function layOut(
  payloads: readonly Payload[],
  seed: string,
): { readonly size: number; readonly wrapping: Wrapping } {
  const parts: WrappedDisk[] = [];
  let end = ALIGNMENT;
  for (const payload of payloads.toSorted((one, other) => one.number - other.number)) {
    parts.push({ ...payload, offset: end });
    end = aligned(end + payload.size);
  }
  const gpt = end > DOS_LIMIT || parts.some(({ number }) => number > DOS_PARTITIONS);
  const tableId = gpt ? guidFrom(seed) : createHash("sha256").update(seed).digest("hex").slice(0, 8);
  const size = gpt ? end + ALIGNMENT : end; // the GPT's copy is at the end
  return { size, wrapping: { table: gpt ? "gpt" : "dos", tableId, parts } };
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** What a partition is for, by what is on it. */
export function useOf(format: string | undefined): WrappedDisk["use"] {
  if (format === "swap") return "swap";
  return format === "LVM2_member" ? "lvm" : "linux";
}
