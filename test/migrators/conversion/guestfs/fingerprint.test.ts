import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../../../src/lib/host/local-host.js";
import { runChecked } from "../../../../src/lib/host/run.js";
import { FINGERPRINT_SCRIPT, parseFingerprint } from "../../../../src/migrators/conversion/guestfs/fingerprint.js";

describe("the fingerprint of what an initramfs is made from", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-print-"));
    await mkdir(join(folder, "root/etc/lvm/archive"), { recursive: true });
    await mkdir(join(folder, "root/etc/lvm/backup"));
    await mkdir(join(folder, "root/usr/bin"), { recursive: true });
    await put("etc/fstab", "one");
    await put("etc/lvm/lvm.conf", "devices {}");
    await put("usr/bin/program", "two");
  });
  afterEach(() => rm(folder, { recursive: true }));

  const put = (path: string, text: string): Promise<void> => writeFile(join(folder, "root", path), text);

  async function fingerprint(): Promise<string | undefined> {
    const script = FINGERPRINT_SCRIPT.replace("/sysroot", join(folder, "root"));
    const own = script.replaceAll("/tmp/rehome-fingerprint", join(folder, "list"));
    return parseFingerprint(await runChecked(localHost(), ["sh", "-c", own]));
  }

  it("is another one when configuration, a program, a link or a right changes", async () => {
    const changes = [
      () => put("etc/fstab", "other"),
      () => put("etc/lvm/lvm.conf", "devices { }"),
      () => put("etc/new", ""),
      () => put("usr/bin/program", "three"),
      () => symlink("program", join(folder, "root/usr/bin/link")),
      () => chmod(join(folder, "root/usr/bin/program"), 0o755),
    ];
    for (const change of changes) {
      const before = await fingerprint();
      assert.ok(before);
      await change();
      assert.notEqual(await fingerprint(), before, change.toString());
    }
  });

  it("is the same after rehome made a snapshot on the server, which LVM notes", async () => {
    await put("etc/lvm/backup/vg0", "seqno = 7");
    const before = await fingerprint();
    await put("etc/lvm/backup/vg0", "seqno = 8");
    await put("etc/lvm/archive/vg0_00007-1.vg", "seqno = 7");
    assert.equal(await fingerprint(), before);
  });
});
