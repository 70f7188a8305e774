import assert from "node:assert/strict";
import { runStep } from "../../../../src/migrators/conversion/convert.js";
import { crypttab } from "../../../../src/migrators/conversion/steps/crypttab.js";
import { fstab } from "../../../../src/migrators/conversion/steps/fstab.js";
import { resume } from "../../../../src/migrators/conversion/steps/resume.js";
import type { Machine } from "../../../../src/migrators/types.js";
import { machine } from "../fixtures.js";
import { DEVICES, memoryFilesystem, stepContext, UUIDS } from "../memory-filesystem.js";

describe("conversion step: fstab", () => {
  async function convert(text: string, source: Machine = machine()): Promise<{ text: string; warnings: string[] }> {
    const files = memoryFilesystem({ "/etc/fstab": Buffer.from(text, "latin1") });
    const result = await runStep(fstab, stepContext(files, { machine: source }));
    return { text: files.text("/etc/fstab") ?? "", warnings: [...result.warnings] };
  }

  it("names disks by UUID and leaves everything else as it is", async () => {
    const before = [
      "# /etc/fstab: stat\xedc\tfile system information",
      "",
      "/dev/mapper/vg0-root /               ext4    errors=remount-ro 0       1",
      "/dev/vg0/root /copy ext4 ro 0 0",
      "/dev/sda1\t/boot\text4\tdefaults\t0\t2",
      `UUID=${UUIDS.data} /srv xfs defaults 0 0`,
      "LABEL=boot /mnt ext4 noauto 0 0",
      "/dev/sda2 none swap sw 0 0",
      "tmpfs /tmp tmpfs defaults 0 0",
      "nas:/export /nas nfs defaults 0 0",
      "/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0",
      "proc /proc proc",
      "nonsense",
      "",
    ];
    const { text, warnings } = await convert(before.join("\n"));
    const after = [...before];
    after[4] = `UUID=${UUIDS.boot}\t/boot\text4\tdefaults\t0\t2`;
    after[7] = `UUID=${UUIDS.swap} none swap sw 0 0`;
    assert.deepEqual(text.split("\n"), after);
    assert.deepEqual(warnings, []);
  });

  it("keeps a missing disk from stopping the boot, and says so", async () => {
    const { text, warnings } = await convert("/dev/sdz1 /backup ext4 noatime 0 2\nUUID=feed /x ext4 nofail 0 0\n");
    assert.equal(text, "/dev/sdz1 /backup ext4 noatime,nofail 0 2\nUUID=feed /x ext4 nofail 0 0\n");
    assert.match(warnings.join(), /\/etc\/fstab:1: \/dev\/sdz1 on \/backup is not on the staged disks/);
  });

  it("finds by-id names by the disk's serial, and by-path names by what was mounted", async () => {
    const sdb = { ...disk("sdb", "WD-4711"), contents: [block("/dev/sdb1", "/srv", UUIDS.data)] };
    const source = machine({ disks: [disk("sda", "S 0815"), sdb] });
    const { text } = await convert(
      "/dev/disk/by-id/ata-MAKER_S_0815-part1 /boot ext4 defaults 0 2\n" +
        "/dev/disk/by-path/pci-0000:00:1f.2-ata-1-part1 /srv xfs defaults 0 2\n" +
        "/dev/hda2 none swap sw 0 0\n",
      source,
    );
    assert.equal(
      text,
      `UUID=${UUIDS.boot} /boot ext4 defaults 0 2\nUUID=${UUIDS.data} /srv xfs defaults 0 2\nUUID=${UUIDS.swap} none swap sw 0 0\n`,
    );
  });

  it("does not touch the line of what may be inside an encrypted or mirrored device", async () => {
    const files = memoryFilesystem({ "/etc/fstab": "UUID=beef /secret ext4 defaults 0 2\n" });
    const devices = [...DEVICES, { ...DEVICES[0]!, path: "/dev/vdb2", format: "crypto_LUKS", uuid: "1" }];
    const result = await runStep(fstab, stepContext(files, { devices }));
    assert.deepEqual(result.changes, []);
    assert.match(result.warnings.join(), /UUID=beef on \/secret was not found/);
  });

  function disk(name: string, serial: string): Machine["disks"][number] {
    return {
      name,
      path: `/dev/${name}`,
      size: 1,
      logicalSectorSize: 512,
      model: undefined,
      serial,
      rotational: false,
      partitionTable: "dos",
      contents: [],
    } as unknown as Machine["disks"][number];
  }

  function block(path: string, mountPoint: string, uuid: string): Machine["disks"][number]["contents"][number] {
    return {
      name: path.slice(5),
      path,
      type: "partition",
      size: 1,
      format: "xfs",
      uuid,
      label: undefined,
      mountPoint,
      contents: [],
    } as unknown as Machine["disks"][number]["contents"][number];
  }
});

describe("conversion step: crypttab", () => {
  it("names devices by UUID and says that somebody will be asked", async () => {
    const path = "/etc/crypttab";
    const files = memoryFilesystem({
      [path]: "# comment\nsafe /dev/sdb1 none luks\nother UUID=1 /root/key luks\nlost /dev/sdz9 /k luks\n",
    });
    const { warnings } = await runStep(crypttab, stepContext(files));
    assert.equal(
      files.text(path),
      `# comment\nsafe UUID=${UUIDS.data} none luks\nother UUID=1 /root/key luks\nlost /dev/sdz9 /k luks\n`,
    );
    assert.deepEqual(warnings, [
      "/etc/crypttab:2: safe asks for a passphrase when the guest boots, on its console",
      "/etc/crypttab:4: /dev/sdz9 was not found on the staged disks",
    ]);
  });
});

describe("conversion step: resume device", () => {
  const path = "/etc/initramfs-tools/conf.d/resume";
  for (const [before, after] of [
    ["RESUME=/dev/sda2\n", `RESUME=UUID=${UUIDS.swap}\n`],
    [`RESUME=UUID=${UUIDS.swap}\n`, `RESUME=UUID=${UUIDS.swap}\n`],
    ["RESUME=UUID=gone\n", "RESUME=none\n"],
    ["RESUME=none\n", "RESUME=none\n"],
    ["RESUME=/dev/mapper/vg0-root\n", "RESUME=/dev/mapper/vg0-root\n"],
  ] as const) {
    it(`makes ${before.trim()} ${before === after ? "stay" : after.trim()}`, async () => {
      const files = memoryFilesystem({ [path]: before });
      const { changes } = await runStep(resume, stepContext(files));
      assert.equal(files.text(path), after);
      assert.equal(changes.length, before === after ? 0 : 1);
    });
  }
});
