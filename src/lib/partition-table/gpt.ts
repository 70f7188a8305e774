import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { RehomeError } from "../errors.js";
import { protectiveSector } from "./mbr.js";
import { SECTOR, type Partition, type PartitionUse, type Piece, type TableRequest } from "./types.js";

/** Types of partitions (UEFI specification, and https://uapi-group.org/specifications/specs/discoverable_partitions_specification). */
const TYPES: Readonly<Record<PartitionUse, string>> = {
  linux: "0fc63daf-8483-4772-8e79-3d69d8477de4",
  swap: "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f",
  lvm: "e6d6d379-f507-44c2-a23c-238f2a3df928",
  "boot-loader": "21686148-6449-6e6f-744e-656564454649",
};

export const GPT_PARTITIONS = 128;
const ENTRY = 128;
const ENTRIES_SECTORS = (GPT_PARTITIONS * ENTRY) / SECTOR;
const HEADER = 92;
/** Protective sector, header and entries at the front; entries and header at the end. */
export const GPT_FRONT = (2 + ENTRIES_SECTORS) * SECTOR;
export const GPT_BACK = (1 + ENTRIES_SECTORS) * SECTOR;

/**
 * A GPT with its copy at the end of the disk (UEFI specification 2.10, chapter 5.3).
 * @throws RehomeError internal for what such a table cannot say
 */
export function gptTable({ size, id, partitions }: TableRequest): readonly Piece[] {
  const entries = Buffer.alloc(GPT_PARTITIONS * ENTRY);
  for (const partition of partitions) entry(partition, id).copy(entries, placeOf(partition));
  const last = size / SECTOR - 1;
  const common = { id, last, entries };
  const front = header({ ...common, own: 1, other: last, entriesAt: 2 });
  const back = header({ ...common, own: last, other: 1, entriesAt: last - ENTRIES_SECTORS });
  return [
    { offset: 0, data: Buffer.concat([protectiveSector(size), front, entries]) },
    { offset: size - GPT_BACK, data: Buffer.concat([entries, back]) },
  ];
}

function placeOf({ number }: Partition): number {
  if (Number.isInteger(number) && number >= 1 && number <= GPT_PARTITIONS) return (number - 1) * ENTRY;
  throw new RehomeError("internal", `a GPT has no partition ${number}`);
}

function entry({ number, start, size, use }: Partition, id: string): Buffer {
  const record = Buffer.alloc(ENTRY);
  guidBytes(TYPES[use]).copy(record, 0);
  guidBytes(partitionGuid(id, number)).copy(record, 16);
  record.writeBigUInt64LE(BigInt(start / SECTOR), 32);
  record.writeBigUInt64LE(BigInt((start + size) / SECTOR - 1), 40);
  return record;
}

interface HeaderFacts {
  readonly id: string;
  readonly last: number;
  readonly entries: Buffer;
  readonly own: number;
  readonly other: number;
  readonly entriesAt: number;
}

function header({ id, last, entries, own, other, entriesAt }: HeaderFacts): Buffer {
  const sector = Buffer.alloc(SECTOR);
  sector.write("EFI PART", 0, "latin1");
  sector.writeUInt32LE(0x00010000, 8);
  sector.writeUInt32LE(HEADER, 12);
  sector.writeBigUInt64LE(BigInt(own), 24);
  sector.writeBigUInt64LE(BigInt(other), 32);
  sector.writeBigUInt64LE(BigInt(2 + ENTRIES_SECTORS), 40);
  sector.writeBigUInt64LE(BigInt(last - ENTRIES_SECTORS - 1), 48);
  guidBytes(id).copy(sector, 56);
  sector.writeBigUInt64LE(BigInt(entriesAt), 72);
  sector.writeUInt32LE(GPT_PARTITIONS, 80);
  sector.writeUInt32LE(ENTRY, 84);
  sector.writeUInt32LE(crc32(entries), 88);
  sector.writeUInt32LE(crc32(sector.subarray(0, HEADER)), 16); // its own field counts as zero
  return sector;
}

/** The same for the same disk and number, so that a table can be written again and be the same one. */
function partitionGuid(id: string, number: number): string {
  return guidFrom(`${id} ${number}`);
}

/** A GUID made of a text: the same text gives the same one (RFC 9562, version 8). */
export function guidFrom(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The first three fields are stored little-endian. */
function guidBytes(guid: string): Buffer {
  const bytes = Buffer.from(guid.replaceAll("-", ""), "hex");
  if (bytes.length !== 16) throw new RehomeError("internal", `"${guid}" is no GUID`);
  for (const [start, end] of [
    [0, 4],
    [4, 6],
    [6, 8],
  ] as const) {
    bytes.subarray(start, end).reverse();
  }
  return bytes;
}
