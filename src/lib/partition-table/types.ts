/** Sectors are of 512 bytes throughout: guests' disks have no others. */
export const SECTOR = 512;

export interface Partition {
  /** From 1: what stands behind the disk's name. */
  readonly number: number;
  /** First byte; a multiple of a sector. */
  readonly start: number;
  /** Bytes; a multiple of a sector. */
  readonly size: number;
  readonly use: PartitionUse;
}

/** `boot-loader` is the place that GRUB needs on a GPT disk that a BIOS starts from. */
export type PartitionUse = "linux" | "swap" | "lvm" | "boot-loader";

export interface TableRequest {
  /** Bytes of the disk. */
  readonly size: number;
  /** As blkid's PTUUID: 8 hexadecimal digits (dos), a GUID in lower case (gpt). */
  readonly id: string;
  readonly partitions: readonly Partition[];
}

/** Bytes that stand at a place on a disk. */
export interface Piece {
  readonly offset: number;
  readonly data: Buffer;
}
