import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { HostProcess } from "../../../../src/lib/host/types.js";
import type { Machine } from "../../machine/machine.js";

const PROGRAM = "/root/disk.py";
const IMAGE = "/srv/tracked.img";

/** A large logical volume on a machine of the lab, sparse on a disk that is smaller. */
export class TrackedDisk {
  private constructor(
    readonly machine: Machine,
    /** `/dev/loop0`, below everything: what is read and written there is all there is. */
    readonly below: string,
    readonly size: number,
  ) {}

  readonly group = "tracked";
  readonly name = "web-disk";
  readonly path = "/dev/tracked/web-disk";

  /** @param size of the volume, and of what is free for snapshots besides, in bytes */
  static async make(machine: Machine, size: number, free: number): Promise<TrackedDisk> {
    const program = await readFile(fileURLToPath(new URL("disk.py", import.meta.url)));
    await machine.writeFile(PROGRAM, program);
    await machine.check(["truncate", "-s", `${size + free + 4 * 1024 * 1024}`, IMAGE]);
    const below = (await machine.check(["losetup", "--find", "--show", "--direct-io=on", IMAGE])).trim();
    const disk = new TrackedDisk(machine, below, size);
    await machine.check(["vgcreate", "--quiet", disk.group, below]);
    await machine.check(["lvcreate", "--quiet", "--yes", "-L", `${size}b`, "-n", disk.name, disk.group]);
    return disk;
  }

  /** Runs disk.py. @returns what it printed */
  async write(verb: "random" | "zero" | "run", ...numbers: readonly number[]): Promise<number> {
    const argv = ["python3", PROGRAM, verb, this.path, ...numbers.map(String)];
    return Number(await this.machine.check(argv, { timeoutMs: 600_000 })) * 4096;
  }

  async digest(path = this.path): Promise<string> {
    return (await this.machine.check(["python3", PROGRAM, "digest", path], { timeoutMs: 600_000 })).trim();
  }

  /** Writes until it is killed. */
  async busy(seed: number): Promise<HostProcess> {
    return (await this.machine.host()).start(["python3", PROGRAM, "busy", this.path, String(seed)]);
  }

  /** Bytes that were read from the device below everything, by the kernel's own count. */
  async bytesReadBelow(): Promise<number> {
    const stat = await this.machine.check(["cat", `/sys/block/${this.below.slice("/dev/".length)}/stat`]);
    return Number(stat.trim().split(/\s+/)[2]) * 512;
  }

  /** Names of the snapshots that carry rehome's tag. */
  async snapshots(): Promise<readonly string[]> {
    const text = await this.machine.check(["lvs", "--noheadings", "-o", "lv_name", "-S", 'lv_tags={"rehome"}']);
    return text.split("\n").flatMap((line) => line.trim() || []);
  }

  async remove(): Promise<void> {
    await this.machine.run(["vgremove", "--force", "--yes", this.group]);
    await this.machine.run(["losetup", "-d", this.below]);
    await this.machine.run(["rm", "-f", IMAGE]);
  }
}
