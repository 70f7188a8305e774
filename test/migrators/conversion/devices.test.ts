import assert from "node:assert/strict";
import { appliancePath, isVolatile, parseDevices, resolveDevice } from "../../../src/migrators/conversion/devices.js";
import { guestPlan, machine } from "./fixtures.js";
import { DEVICES, UUIDS } from "./memory-filesystem.js";

/** As the appliance prints it when it found the second disk first. */
const SWAPPED = String.raw`total 0
lrwxrwxrwx 1 0 0  9 Nov 22 18:46 vda -> ../../sdb
lrwxrwxrwx 1 0 0 10 Nov 22 18:46 vda1 -> ../../sdb1
lrwxrwxrwx 1 0 0  9 Nov 22 18:46 vdb -> ../../sda
lrwxrwxrwx 1 0 0 10 Nov 22 18:46 vdb1 -> ../../sda1

DEVNAME=/dev/sda1
LABEL=my\ data\x0a\=
UUID=data-uuid
TYPE=xfs
PARTUUID=8cdcb61d-01

DEVNAME=/dev/mapper/web1-root
UUID=root-uuid
TYPE=ext4

DEVNAME=/dev/sdc
UUID=b80ec294-f8b9-413a-9bbb-9320d5739699
TYPE=ext2

DEVNAME=/dev/sdb1
UUID=boot-uuid
TYPE=ext4
`;

describe("conversion: devices", () => {
  const plan = guestPlan(["/a", "/b"]);

  it("are found by the source's names also where these are in a folder of their own", () => {
    const [first] = plan.volumes;
    assert.ok(first);
    const raid = { ...plan, volumes: [{ ...first, disk: "cciss!c0d0" }, ...plan.volumes.slice(1)] };
    const devices = parseDevices(SWAPPED, raid);
    const found = resolveDevice("/dev/cciss/c0d0p1", { devices, plan: raid, machine: machine() });
    assert.equal(found?.uuid, "boot-uuid");
  });

  it("are found by the labels of their disks, in whatever order the appliance found them", () => {
    assert.deepEqual(parseDevices(SWAPPED, plan), [
      {
        path: "/dev/vdb1",
        sourcePath: "/dev/sdb1",
        format: "xfs",
        uuid: "data-uuid",
        label: "my data\n=",
        partUuid: "8cdcb61d-01",
      },
      {
        path: "/dev/mapper/web1-root",
        sourcePath: undefined,
        format: "ext4",
        uuid: "root-uuid",
        label: undefined,
        partUuid: undefined,
      },
      {
        path: "/dev/vda1",
        sourcePath: "/dev/sda1",
        format: "ext4",
        uuid: "boot-uuid",
        label: undefined,
        partUuid: undefined,
      },
    ]);
    assert.equal(appliancePath("/dev/vda1"), "/dev/disk/guestfs/vda1");
  });

  it("are an error when a disk is not there", () => {
    assert.throws(() => parseDevices(SWAPPED.replaceAll("vda", "vdz"), plan), { code: "appliance-failed" });
  });

  it("are known by every kind of name", () => {
    const facts = { devices: DEVICES, plan, machine: machine() };
    for (const [name, path] of [
      [`UUID=${UUIDS.boot.toUpperCase()}`, "/dev/vda1"],
      [`UUID="${UUIDS.boot}"`, "/dev/vda1"],
      [`/dev/disk/by-uuid/${UUIDS.data}`, "/dev/vdb1"],
      ["LABEL=boot", "/dev/vda1"],
      [String.raw`/dev/disk/by-label/my\x20data`, "/dev/vdb1"],
      ["/dev/sda3", "/dev/vda3"],
      ["/dev/vg0/root", "/dev/mapper/vg0-root"],
      ["/dev/mapper/vg0-root", "/dev/mapper/vg0-root"],
      ["/dev/sdc1", undefined],
      ["/dev/vg/lost", undefined],
      ["LABEL=", undefined],
    ] as const) {
      assert.equal(resolveDevice(name, facts)?.path, path, name);
    }
  });

  it("keep or lose their names on virtio", () => {
    const volatile = [
      "/dev/sda1",
      "/dev/nvme0n1p2",
      "/dev/disk/by-path/x",
      "/dev/disk/by-id/ata-x",
      "/dev/cciss/c0d0p1",
    ];
    const lasting = ["UUID=1", "/dev/mapper/x", "/dev/vg/root", "/dev/disk/by-id/dm-name-x", "/dev/disk/by-uuid/1"];
    assert.deepEqual(
      volatile.map(isVolatile),
      volatile.map(() => true),
    );
    assert.deepEqual(
      lasting.map(isVolatile),
      lasting.map(() => false),
    );
  });
});
