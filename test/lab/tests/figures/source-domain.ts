import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../../../src/lib/host/local-host.js";
import { runChecked } from "../../../../src/lib/host/run.js";
import { OUTSIDE_NETWORK } from "../../../helpers/debian.js";
import type { XenGuest } from "../../images/xen.js";
import type { Machine } from "../../machine/machine.js";
import { eventually } from "../eventually.js";
import { askLedger } from "../ledger.js";

const BOOT_MS = 20 * 60_000;
const SHUTDOWN_MS = 10 * 60_000;
const SLOW = { timeoutMs: 20 * 60_000 };
const MIB = 2 ** 20;
/** What the load writes to, in the guest. */
const LOAD_FILE = "/srv/load";
export const GROUP = "xenvg";

/**
 * GRUB's own tools as Debian has them, with what they need: a guest that pygrub starts usually has them, the lab's has
 * only a menu, and without grub-mkconfig virt-v2v converts nothing ("failed to find grub2-mkconfig binary").
 */
const GRUB = [
  ...["grub2-common", "grub-common", "gettext-base", "libefiboot1", "libefivar1"],
  ...["libfreetype6", "libfuse2", "libpng16-16", "libbrotli1"],
];

/** A domain on the lab's Xen host, handled as its administrator would. */
export class SourceDomain {
  /** Its logical volume. */
  readonly path: string;
  readonly name: string;

  constructor(
    readonly dom0: Machine,
    private readonly guest: XenGuest,
    private readonly log: (line: string) => void,
  ) {
    this.name = guest.name;
    this.path = `/dev/${GROUP}/${guest.volume}`;
  }

  async runs(): Promise<boolean> {
    return (await this.dom0.run(["xl", "list", this.name])).exitCode === 0;
  }

  /** Runs it, as every way begins: without any snapshot, its service answering. */
  async begin(): Promise<void> {
    await this.removeSnapshots();
    // a host that has just started does so by itself, at some time
    await eventually(BOOT_MS, async () => {
      if (await this.runs()) return;
      this.log(`start ${this.name} on ${this.dom0.name}`);
      const { stderr } = await this.dom0.run(["xl", "create", "-q", `/etc/xen/${this.name}.cfg`], SLOW);
      assert.equal(await this.runs(), true, `${this.name} does not start: ${stderr}`);
    });
    await this.answers();
  }

  /** Waits until its service gives out a number. @returns the number */
  async answers(): Promise<number> {
    let number = 0;
    await eventually(BOOT_MS, async () => {
      number = await askLedger(this.guest.address);
    });
    this.log(`${this.name} answers: ${number}`);
    return number;
  }

  /** Shuts it down in the regular way, and waits until its host has taken it down. */
  async shutDown(): Promise<void> {
    await this.dom0.check(["xl", "shutdown", "-w", this.name], { timeoutMs: SHUTDOWN_MS });
    await eventually(SHUTDOWN_MS, async () => assert.equal(await this.runs(), false, `${this.name} runs`));
  }

  /** Has it write random bytes to a file, until they are on its disk. */
  async write(mebibytes: number): Promise<void> {
    this.log(`${this.name} writes ${mebibytes} MiB to ${LOAD_FILE}`);
    const dd = ["dd", "if=/dev/urandom", `of=${LOAD_FILE}`, "bs=1M", `count=${mebibytes}`, "conv=notrunc,fsync"];
    await this.inside(dd.join(" "));
  }

  /** Makes its disk as large as that; what is added belongs to no partition. @param size bytes */
  async grow(size: number): Promise<void> {
    const lvs = ["lvs", "--noheadings", "--nosuffix", "--units", "b", "-o", "lv_size", `${GROUP}/${this.guest.volume}`];
    if (Number(await this.dom0.check(lvs)) >= size) return;
    this.log(`the disk of ${this.name} is made ${size / MIB} MiB large`);
    await this.dom0.check(["lvextend", "--quiet", "--size", `${size}b`, `${GROUP}/${this.guest.volume}`], SLOW);
  }

  /** Gives it GRUB's tools, if it has none. */
  async addGrubTools(): Promise<void> {
    const has = await localHost().run([...this.ssh(), "test -x /usr/sbin/grub-mkconfig"], SLOW);
    if (has.exitCode === 0) return;
    assert.equal(has.exitCode, 1, `${this.name} cannot be logged in to: ${has.stderr}`);
    this.log(`${this.name} gets ${GRUB.join(", ")}`);
    const folder = await mkdtemp(join(tmpdir(), "rehome-debs-"));
    try {
      const outside = process.env[OUTSIDE_NETWORK];
      const there = outside === undefined ? [] : ["nsenter", `--net=${outside}`, "--"];
      // apt-get download puts files where it is
      const download = [
        "sh",
        "-c",
        'cd "$1" && shift && exec apt-get -q -o APT::Sandbox::User=root download "$@"',
        "sh",
        folder,
        ...GRUB,
      ];
      await runChecked(localHost(), [...there, ...download], SLOW);
      assert.equal((await readdir(folder)).length, GRUB.length);
      const copy = ["sh", "-c", 'folder=$1; shift; tar -C "$folder" -cf - . | "$@"', "sh", folder];
      await runChecked(localHost(), [...copy, ...this.ssh(), "mkdir -p /root/debs && tar -C /root/debs -xf -"], SLOW);
    } finally {
      await rm(folder, { recursive: true });
    }
    await this.inside(
      "export DEBIAN_FRONTEND=noninteractive; dpkg -i /root/debs/*.deb && rm -r /root/debs && " +
        "cp /usr/share/grub/default/grub /etc/default/grub && sync",
    );
  }

  /** Makes a snapshot of its volume, with chunks of 4 KiB as LVM makes them when nothing is said. */
  async snapshot(name: string, mebibytes: number): Promise<void> {
    this.log(`snapshot ${GROUP}/${name} of ${this.path}, ${mebibytes} MiB`);
    const lvcreate = ["lvcreate", "--quiet", "--yes", "--snapshot", "--name", name, "--chunksize", "4k"];
    await this.dom0.check([...lvcreate, "--size", `${mebibytes}M`, this.path], SLOW);
  }

  async removeSnapshot(name: string): Promise<void> {
    this.log(`remove snapshot ${GROUP}/${name}`);
    await this.dom0.check(["lvremove", "--quiet", "--force", "--yes", `${GROUP}/${name}`], SLOW);
  }

  /** Removes all snapshots of its volume, whoever made them. */
  private async removeSnapshots(): Promise<void> {
    const lvs = ["lvs", "--noheadings", "-o", "lv_name", "--select", `origin="${this.guest.volume}"`, GROUP];
    const names = (await this.dom0.check(lvs)).split("\n").flatMap((line) => line.trim() || []);
    for (const name of names) await this.removeSnapshot(name);
  }

  private async inside(command: string): Promise<void> {
    await runChecked(localHost(), [...this.ssh(), command], SLOW);
  }

  /** Its host key is made with the image, and not kept: it is believed what it says. */
  private ssh(): readonly string[] {
    const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "LogLevel=ERROR"];
    const login = ["-i", this.dom0.identity, `root@${this.guest.address}`];
    return ["ssh", ...options.flatMap((option) => ["-o", option]), ...login];
  }
}
