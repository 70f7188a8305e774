import { readFileSync } from "node:fs";
import { describeMachine } from "../../../src/migrators/physical/inspect.js";
import { splitSections } from "../../../src/migrators/physical/inspection/sections.js";
import type { BlockDevice, Disk, Machine } from "../../../src/migrators/types.js";

/** What a section of templates/inspect.sh printed; a number is the exit status of one that printed nothing. */
export type Recorded = Readonly<Record<string, string | number>>;

const MARK = "MARK-FIXTURE";

/** The machine that answered so; sections that are left out did not come. */
export function machineFrom(recorded: Recorded, now = 1_700_000_000_000): Machine {
  const text = Object.entries(recorded)
    .map(([name, said]) => {
      const [body, status] = typeof said === "number" ? ["", said] : [said, 0];
      return `${MARK} begin ${name}\n${body}\n${MARK} end ${name} ${status}\n`;
    })
    .join("");
  return describeMachine(splitSections(text, "", MARK), now, now);
}

/** A machine from the real output of the script, in test/fixtures/machines. */
export function machineFromFile(name: string): Machine {
  const text = readFileSync(new URL(`../../fixtures/machines/${name}`, import.meta.url), "utf8");
  return describeMachine(splitSections(text, "", MARK), 1_795_372_219_000, 1_795_372_221_000);
}

/** A boot sector in hex as od prints it: code at its beginning, an id and partitions as [type, first sector, sectors]. */
export function bootSector(
  code: Buffer,
  id: number,
  partitions: readonly (readonly [number, number, number])[],
): string {
  const sector = Buffer.alloc(512);
  code.copy(sector, 0, 0, 440);
  sector.writeUInt32LE(id, 440);
  partitions.forEach(([type, start, size], index) => {
    sector.writeUInt8(index === 0 ? 0x80 : 0, 446 + index * 16);
    sector.writeUInt8(type, 446 + index * 16 + 4);
    sector.writeUInt32LE(start, 446 + index * 16 + 8);
    sector.writeUInt32LE(size, 446 + index * 16 + 12);
  });
  sector.writeUInt16LE(0xaa55, 510);
  return hex(sector);
}

/** Two sectors with a protective MBR and a GPT header. */
export function gptSectors(guid: readonly number[]): string {
  const header = Buffer.alloc(512);
  header.write("EFI PART", "latin1");
  Buffer.from(guid).copy(header, 56);
  return `${bootSector(Buffer.alloc(0), 0, [[0xee, 1, 1000]])}\n${hex(header)}`;
}

function hex(bytes: Buffer): string {
  return (bytes.toString("hex").match(/.{32}/g) ?? [])
    .map((line) => ` ${line.replace(/(..)(?!$)/g, "$1 ")}`)
    .join("\n");
}

/** GRUB legacy's stage1 begins with a jump to 0x4a, GRUB 2's boot.img with one to 0x65; both have their name in them. */
export function grubCode(version: "legacy" | "2"): Buffer {
  const code = Buffer.alloc(440);
  code.write(version === "2" ? "eb6390" : "eb4890", "hex");
  code.write("GRUB \0Geom\0Hard Disk\0Read\0 Error\0", 0x17d, "latin1");
  return code;
}

/** The tree as lines: name, content, mount point. */
export function treeOf(devices: readonly (Disk | BlockDevice)[], depth = 0): readonly string[] {
  return devices.flatMap((device) => [
    `${"  ".repeat(depth)}${device.name} ${device.format ?? "-"}${device.mountPoint === undefined ? "" : ` ${device.mountPoint}`}`,
    ...treeOf(device.contents, depth + 1),
  ]);
}
