import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Machine } from "../../machine/machine.js";

const PROGRAM = "/root/disk.py";
const IMAGE = "/srv/partitioned.img";
const MIB = 1024 * 1024;

/** A disk of a machine of the lab with a partition table, a partition with LVM, and two volumes on it, one in two pieces. */
export class PartitionedDisk {
  readonly group = "parted";
  /** First byte of the partition. */
  readonly partition = MIB;

  private constructor(
    readonly machine: Machine,
    /** `/dev/loop1` */
    readonly path: string,
    readonly size: number,
  ) {}

  static async make(machine: Machine, size: number): Promise<PartitionedDisk> {
    await machine.writeFile(PROGRAM, await readFile(fileURLToPath(new URL("disk.py", import.meta.url))));
    await machine.writeFile(IMAGE, tableFor(size));
    await machine.check(["truncate", "-s", `${size}`, IMAGE]);
    const path = (await machine.check(["losetup", "--find", "--show", "--partscan", "--direct-io=on", IMAGE])).trim();
    const disk = new PartitionedDisk(machine, path, size);
    await machine.check(["udevadm", "settle"]);
    await machine.check(["vgcreate", "--quiet", disk.group, `${path}p1`]);
    for (const [name, mib] of Object.entries({ first: 256, second: 128 })) {
      await machine.check(["lvcreate", "--quiet", "--yes", "-L", `${mib}M`, "-n", name, disk.group]);
    }
    await machine.check(["lvextend", "--quiet", "-L", "+64M", `${disk.group}/first`]);
    return disk;
  }

  /** Runs disk.py. @returns bytes that it wrote */
  async write(volume: "first" | "second", verb: "random" | "run", ...numbers: readonly number[]): Promise<number> {
    const argv = ["python3", PROGRAM, verb, `/dev/${this.group}/${volume}`, ...numbers.map(String)];
    return Number(await this.machine.check(argv, { timeoutMs: 600_000 })) * 4096;
  }

  async volumes(): Promise<string> {
    const text = await this.machine.check(["lvs", "--noheadings", "-o", "lv_name", this.group]);
    return text.trim().split(/\s+/).sort().join(" ");
  }

  async remove(): Promise<void> {
    await this.machine.run(["vgremove", "--force", "--yes", this.group]);
    await this.machine.run(["losetup", "-d", this.path]);
    await this.machine.run(["rm", "-f", IMAGE]);
  }
}

/** A DOS partition table with one partition for LVM, from 1 MiB to the end. */
function tableFor(size: number): Buffer {
  const table = Buffer.alloc(512);
  table.writeUInt32LE(0x1f2e3d4c, 440);
  table.writeUInt8(0x8e, 450);
  table.writeUInt32LE(MIB / 512, 454);
  table.writeUInt32LE((size - MIB) / 512, 458);
  table.writeUInt16LE(0xaa55, 510);
  return table;
}
