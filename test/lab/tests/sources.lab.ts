import assert from "node:assert/strict";
import { XEN_GUESTS } from "../images/xen.js";
import { Lab } from "../lab.js";
import { eventually } from "./eventually.js";
import { askLedger } from "./ledger.js";

const BOOT_MS = 10 * 60_000;

describe("the lab: machines to be moved", () => {
  let lab: Lab;

  before(async () => {
    lab = await Lab.open((line) => console.log(`      ${line}`));
    await lab.up("phys", "dom0");
  });
  after(() => lab.close());

  it("has a physical server with root on LVM, /boot beside it, and a disk without LVM, which hands out numbers", async () => {
    const phys = lab.machine("phys");
    const disks = await phys.check(["lsblk", "--noheadings", "--list", "--output", "TYPE,FSTYPE,MOUNTPOINT"]);
    assert.match(disks, /^lvm +ext4 +\/$/m);
    assert.match(disks, /^part +ext4 +\/boot$/m);
    assert.match(disks, /^part +xfs +\/srv$/m);
    assert.ok((await askLedger(phys.address())) < (await askLedger(phys.address())));
  });

  it("has a dom0 with two running paravirtual guests on logical volumes, which hand out numbers", async () => {
    const dom0 = lab.machine("dom0");
    const domains = JSON.parse(await dom0.check(["xl", "list", "-l"])) as readonly XenDomain[];
    const guests = domains.filter(({ config }) => config.c_info.name !== "Domain-0");
    assert.deepEqual(
      guests.map(({ config }) => [config.c_info.name, config.c_info.type, config.disks?.map(({ vdev }) => vdev)]),
      [
        ["web1", "pv", ["xvda1"]],
        ["db1", "pv", ["xvda"]],
      ],
    );
    for (const { address } of XEN_GUESTS) {
      await eventually(BOOT_MS, async () => assert.ok((await askLedger(address)) > 0));
    }
    const free = Number(
      await dom0.check(["vgs", "--noheadings", "--units", "m", "--nosuffix", "-o", "vg_free", "xenvg"]),
    );
    assert.ok(free > 1024, `${free} MiB are free for snapshots`);
  });
});

/** As much of `xl list -l` as is looked at. */
interface XenDomain {
  readonly config: {
    readonly c_info: { readonly name: string; readonly type: string };
    readonly disks?: readonly { readonly vdev: string }[];
  };
}
