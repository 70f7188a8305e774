import { SECTOR, type Piece } from "../../../lib/partition-table/types.js";
import type { GrubImages } from "../types.js";

/** Bytes from the front of a disk that say where there is room: MBR, GPT header and its entries. */
export const FRONT = 34 * SECTOR;

/** In boot.img: where the sector number of core.img is, and a jump that is taken out for hard disks. */
const CORE_SECTOR = 0x5c;
const DRIVE_CHECK = 0x66;
/** Of the boot sector, what is the disk's and not the boot loader's: signature and partition table. */
const DISK_ID = 440;
const TABLE = 446;
const SIGNATURE = 510;
/** In the first sector of core.img: where the rest of it is (a list with one entry). */
const REST = 500;

interface Room {
  /** In sectors. */
  readonly start: number;
  readonly length: number;
}

/**
 * GRUB as grub-bios-setup writes it to a disk's first sectors (GRUB's manual, "BIOS installation"): the boot sector, with
 * the disk's partition table, and the core in front of the first partition or in the partition that a GPT has for it.
 * @param front the disk's first FRONT bytes
 * @returns undefined when there is not enough room
 */
export function embedGrub(front: Buffer, { boot, core }: GrubImages): readonly Piece[] | undefined {
  const sectors = Math.ceil(core.length / SECTOR);
  const room = roomFor(front);
  if (room === undefined || room.length < sectors) return undefined;
  const first = Buffer.from(boot.subarray(0, SECTOR));
  front.copy(first, DISK_ID, DISK_ID, SIGNATURE);
  first.writeBigUInt64LE(BigInt(room.start), CORE_SECTOR);
  first.fill(0x90, DRIVE_CHECK, DRIVE_CHECK + 2);
  const rest = Buffer.alloc(sectors * SECTOR);
  core.copy(rest);
  rest.writeBigUInt64LE(BigInt(room.start + 1), REST);
  // the boot sector comes last: until then the disk starts as it did before
  return [
    { offset: room.start * SECTOR, data: rest },
    { offset: 0, data: first },
  ];
}

function roomFor(front: Buffer): Room | undefined {
  const entries = [0, 1, 2, 3].map((index) => front.subarray(TABLE + index * 16, TABLE + (index + 1) * 16));
  const used = entries.filter((entry) => entry.readUInt8(4) !== 0);
  if (front.readUInt16LE(SIGNATURE) !== 0xaa55 || used.length === 0) return undefined;
  if (used.some((entry) => entry.readUInt8(4) === 0xee)) return roomOnGpt(front);
  return gap(
    1,
    used.map((entry) => entry.readUInt32LE(8)),
  );
}

const GPT_ENTRIES = 2 * SECTOR;
/** 21686148-6449-6e6f-744e-656564454649 as it is stored. */
const BOOT_LOADER_TYPE = Buffer.from("4861682149646f6e744e656564454649", "hex");

function roomOnGpt(front: Buffer): Room | undefined {
  if (front.toString("latin1", SECTOR, SECTOR + 8) !== "EFI PART") return undefined;
  const starts: number[] = [];
  for (let place = GPT_ENTRIES; place + 128 <= front.length; place += 128) {
    const entry = front.subarray(place, place + 128);
    if (entry.subarray(0, 16).every((byte) => byte === 0)) continue;
    const [start, end] = [Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(40))];
    if (entry.subarray(0, 16).equals(BOOT_LOADER_TYPE)) return { start, length: end - start + 1 };
    starts.push(start);
  }
  return gap(FRONT / SECTOR, starts);
}

/** Between the table and the first partition. */
function gap(start: number, partitions: readonly number[]): Room | undefined {
  const end = Math.min(...partitions);
  return Number.isFinite(end) && end > start ? { start, length: end - start } : undefined;
}
