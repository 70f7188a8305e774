import { records, section, type Sections } from "./sections.js";

/** What the first sectors of a disk or partition say. */
export interface FirstSectors {
  readonly table: "dos" | "gpt" | undefined;
  /** As blkid's PTUUID. */
  readonly tableId: string | undefined;
  readonly bootCode: BootCode | undefined;
  /** Numbers of primary partitions that hold an extended one. */
  readonly extended: readonly number[];
}

export type BootCode = "grub2" | "grub-legacy" | "lilo" | "syslinux";

/** By kernel name; a device that could not be read is absent. */
export function parseFirstSectors(sections: Sections): ReadonlyMap<string, FirstSectors> {
  return new Map(
    records(section(sections, "sectors").lines, "sectors").flatMap((record) => {
      const [name, sectorSize] = record.words;
      const bytes = Buffer.from(record.lines.join("").replace(/\s/g, ""), "hex");
      return name === undefined || bytes.length < 512 ? [] : [[name, readFirstSectors(bytes, Number(sectorSize))]];
    }),
  );
}

const PROTECTIVE = 0xee;
const EXTENDED = [0x05, 0x0f, 0x85];

/** @param bytes the first sector, and the second one too where a GPT is looked for */
export function readFirstSectors(bytes: Buffer, sectorSize: number): FirstSectors {
  const bootCode = bootCodeOf(bytes);
  const none: FirstSectors = { table: undefined, tableId: undefined, bootCode, extended: [] };
  if (bytes.readUInt16LE(510) !== 0xaa55) return none;
  const types = [0, 1, 2, 3].map((index) => bytes.readUInt8(446 + index * 16 + 4));
  const header = bytes.subarray(sectorSize);
  if (types.includes(PROTECTIVE) && header.subarray(0, 8).toString("latin1") === "EFI PART" && header.length >= 72) {
    return { ...none, table: "gpt", tableId: guid(header.subarray(56, 72)) };
  }
  if (!isDosTable(bytes, types)) return none;
  return {
    ...none,
    table: "dos",
    tableId: bytes.readUInt32LE(440).toString(16).padStart(8, "0"),
    extended: types.flatMap((type, index) => (EXTENDED.includes(type) ? [index + 1] : [])),
  };
}

/** File systems' boot sectors end in 55 AA too: in a table every entry is active or not, and at least one is used. */
function isDosTable(bytes: Buffer, types: readonly number[]): boolean {
  const flags = [0, 1, 2, 3].map((index) => bytes.readUInt8(446 + index * 16));
  return flags.every((flag) => flag === 0x00 || flag === 0x80) && types.some((type) => type !== 0);
}

/** A GUID as GPT stores it: the first three groups are little-endian. */
function guid(bytes: Buffer): string {
  return [
    bytes.readUInt32LE(0).toString(16).padStart(8, "0"),
    bytes.readUInt16LE(4).toString(16).padStart(4, "0"),
    bytes.readUInt16LE(6).toString(16).padStart(4, "0"),
    bytes.subarray(8, 10).toString("hex"),
    bytes.subarray(10, 16).toString("hex"),
  ].join("-");
}

/**
 * Whose code a boot sector is. GRUB's boot.img and stage1 both have the text "GRUB "; they begin with a jump over
 * their parameters, to 0x65 (GRUB 1.97 and later) or to 0x4a (GRUB legacy, and GRUB 1.96 and before).
 */
function bootCodeOf(sector: Buffer): BootCode | undefined {
  const first = sector.subarray(0, 440);
  if (first.includes("GRUB ")) return first[0] === 0xeb && first[1] === 0x63 ? "grub2" : "grub-legacy";
  if (first.subarray(0, 16).includes("LILO")) return "lilo";
  return /^(SYS|EXT)LINUX$/.test(first.toString("latin1", 3, 11)) ? "syslinux" : undefined;
}
