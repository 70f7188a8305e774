import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../../src/lib/host/local-host.js";
import type { Host } from "../../../src/lib/host/types.js";
import { withDiskExport } from "../../../src/lib/nbd/disk-export.js";
import { bootApart, type Booted } from "../../../src/migrators/rehearsal/boot.js";
import { withFullDisk } from "../../helpers/full-disk.js";
import { makeOverlay } from "../../helpers/overlay.js";
import { guestPlan } from "../conversion/fixtures.js";

const MIB = 1024 ** 2;
const HYPERVISOR = { type: "qemu", machines: { bios: "pc", uefi: "q35" } } as const;

/** A boot sector that writes a text to the first serial port (16-bit x86), and then halts, or starts the machine anew. */
function bootSector(text: string, then: "halt" | "restart"): Buffer {
  const code = Buffer.from(
    "31c08ed8" + // xor ax,ax; mov ds,ax
      "be007d" + // mov si,0x7d00
      "bafd03eca82074fb" + // wait: mov dx,0x3fd; in al,dx; test al,0x20; jz
      "ac84c07406" + // lodsb; test al,al; jz end
      "baf803eeebed" + // mov dx,0x3f8; out dx,al; jmp wait
      (then === "halt" ? "f4ebfd" : "b0fee664"), // hlt; jmp — or the keyboard controller's reset line
    "hex",
  );
  const sector = Buffer.alloc(512);
  code.copy(sector);
  sector.write(`${text}\0`, 0x100, "latin1");
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

describe("starting a guest apart from every network (real QEMU)", function () {
  this.timeout(120_000);
  const host = localHost();
  let folder: string;
  let disk: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-boot-"));
    disk = join(folder, "disk.raw");
    await mkdir(join(folder, "work"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function boot(
    sector: Buffer,
    image = disk,
    options: { timeoutMs?: number; signal?: AbortSignal; host?: Host } = {},
  ): Promise<Booted> {
    await writeFile(disk, sector);
    await truncate(disk, MIB);
    const overlayPath = join(folder, "work", "vda.qcow2");
    await makeOverlay(image, overlayPath);
    return bootApart({
      ...{ host, plan: guestPlan([disk]), hypervisor: HYPERVISOR, vcpus: 1, memory: 64 * MIB, timeoutMs: 60_000 },
      ...{ disks: [{ device: "vda", overlayPath }], workFolder: join(folder, "work"), keepFolder: folder },
      ...options,
    });
  }

  it("sees a login prompt, and takes a picture", async () => {
    const booted = await boot(bootSector("\r\nHello\r\nweb1 login: ", "halt"));
    assert.deepEqual(booted.verdict, { boots: true, by: "login prompt" });
    assert.match(booted.console, /^Hello$/m);
    assert.equal((await readFile(booted.screenshot ?? "")).toString("latin1", 1, 4), "PNG");
  });

  it("reads the disk of another machine through its export", async () => {
    await writeFile(disk, bootSector("web1 login: ", "halt"));
    await truncate(disk, MIB);
    const booted = await withDiskExport(host, disk, {}, ({ qemuPath }) =>
      boot(bootSector("web1 login: ", "halt"), qemuPath),
    );
    assert.equal(booted.verdict.boots, true);
  });

  it("reads the screen of one that has no boot loader", async () => {
    const { verdict } = await boot(Buffer.alloc(512));
    assert.deepEqual(verdict, { boots: false, why: "no boot loader on its first disk" });
  });

  it("sees one that restarts again and again", async () => {
    const { verdict } = await boot(bootSector("", "restart"));
    assert.ok(!verdict.boots && /^it restarted itself \d+ times$/.test(verdict.why), JSON.stringify(verdict));
  });

  it("gives up on one that says nothing clear in its time", async () => {
    const { verdict, late } = await boot(bootSector("\r\nstill thinking", "halt"), disk, { timeoutMs: 6000 });
    assert.deepEqual(verdict, { boots: false, why: "no login prompt in time; it last said: still thinking" });
    assert.equal(late, true);
  });

  it("a guest does not fill the disk that its overlays are on", async () => {
    const full = boot(bootSector("", "halt"), disk, { host: withFullDisk(host) });
    await assert.rejects(full, { code: "conversion-no-space" });
  });

  it("ends with its signal, and leaves no QEMU", async () => {
    const reason = new Error("stopped by hand");
    const signal = AbortSignal.timeout(3000);
    const controller = new AbortController();
    signal.addEventListener("abort", () => controller.abort(reason));
    await assert.rejects(boot(bootSector("", "halt"), disk, { signal: controller.signal }), reason);
    assert.notEqual((await host.run(["pgrep", "-f", `^qemu-system-x86_64 .*${folder}`])).exitCode, 0);
  });

  it("a disk that cannot be read is no verdict on the guest", async () => {
    await writeFile(join(folder, "gone.raw"), Buffer.alloc(MIB));
    await makeOverlay(join(folder, "gone.raw"), join(folder, "x.qcow2"));
    await rm(join(folder, "gone.raw"));
    const starting = bootApart({
      ...{ host, plan: guestPlan([disk]), hypervisor: HYPERVISOR, vcpus: 1, memory: 64 * MIB, timeoutMs: 60_000 },
      ...{ disks: [{ device: "vda", overlayPath: join(folder, "x.qcow2") }], workFolder: folder, keepFolder: folder },
    });
    await assert.rejects(starting, { code: "command-failed", output: /gone\.raw/ });
  });
});
