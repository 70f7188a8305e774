import { RehomeError } from "../errors.js";
import { SECTOR, type Partition, type PartitionUse, type Piece, type TableRequest } from "./types.js";

/** Types of partitions in an MBR (https://uefi.org/specs, table "MBR partition record"; Linux's names: sfdisk --list-types). */
const TYPES: Readonly<Record<Exclude<PartitionUse, "boot-loader">, number>> = { linux: 0x83, swap: 0x82, lvm: 0x8e };

const ID = 440;
const ENTRIES = 446;
const ENTRY = 16;
const SIGNATURE = 0xaa55;
/** Sectors are counted in 32 bits. */
export const DOS_LIMIT = 2 ** 32 * SECTOR;
export const DOS_PARTITIONS = 4;

/**
 * The first sector of a disk with a DOS partition table and no boot code. The first Linux partition is marked active,
 * without which some BIOSes do not start a disk.
 * @throws RehomeError internal for what such a table cannot say
 */
export function dosTable({ size, id, partitions }: TableRequest): readonly Piece[] {
  const sector = Buffer.alloc(SECTOR);
  if (!/^[0-9a-f]{8}$/.test(id)) throw new RehomeError("internal", `"${id}" is no id of a DOS partition table`);
  if (size > DOS_LIMIT) throw new RehomeError("internal", `a DOS partition table cannot count ${size} bytes`);
  sector.writeUInt32LE(Number.parseInt(id, 16), ID);
  const active = partitions.find(({ use }) => use === "linux")?.number;
  for (const partition of partitions) entry(partition, partition.number === active).copy(sector, placeOf(partition));
  sector.writeUInt16LE(SIGNATURE, SECTOR - 2);
  return [{ offset: 0, data: sector }];
}

/** What stands before a GPT, so that nobody takes the disk for an empty one: one partition over all of it. */
export function protectiveSector(size: number): Buffer {
  const sector = Buffer.alloc(SECTOR);
  const last = Math.min(size / SECTOR - 1, 0xffffffff);
  const record = sector.subarray(ENTRIES, ENTRIES + ENTRY);
  cylinders(1).copy(record, 1);
  record.writeUInt8(0xee, 4);
  cylinders(last).copy(record, 5);
  record.writeUInt32LE(1, 8);
  record.writeUInt32LE(last, 12);
  sector.writeUInt16LE(SIGNATURE, SECTOR - 2);
  return sector;
}

function placeOf({ number }: Partition): number {
  if (Number.isInteger(number) && number >= 1 && number <= DOS_PARTITIONS) return ENTRIES + (number - 1) * ENTRY;
  throw new RehomeError("internal", `a DOS partition table has no primary partition ${number}`);
}

function entry({ start, size, use }: Partition, active: boolean): Buffer {
  if (use === "boot-loader")
    throw new RehomeError("internal", "a DOS partition table needs no place for a boot loader");
  const record = Buffer.alloc(ENTRY);
  record.writeUInt8(active ? 0x80 : 0, 0);
  cylinders(start / SECTOR).copy(record, 1);
  record.writeUInt8(TYPES[use], 4);
  cylinders((start + size) / SECTOR - 1).copy(record, 5);
  record.writeUInt32LE(start / SECTOR, 8);
  record.writeUInt32LE(size / SECTOR, 12);
  return record;
}

const HEADS = 255;
const SECTORS_PER_TRACK = 63;

/** A sector as cylinder, head and sector of the geometry that every BIOS has for large disks; 1023/254/63 beyond it. */
function cylinders(sector: number): Buffer {
  const cylinder = Math.floor(sector / (HEADS * SECTORS_PER_TRACK));
  if (cylinder > 1023) return Buffer.from([0xfe, 0xff, 0xff]);
  const head = Math.floor(sector / SECTORS_PER_TRACK) % HEADS;
  return Buffer.from([head, ((cylinder >> 2) & 0xc0) | ((sector % SECTORS_PER_TRACK) + 1), cylinder & 0xff]);
}
