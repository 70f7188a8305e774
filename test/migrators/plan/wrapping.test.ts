import assert from "node:assert/strict";
import { describeOutlook } from "../../../src/migrators/describe/plan.js";
import { layOut, partitionName, useOf, type Payload } from "../../../src/migrators/plan/wrapping.js";
import { plan } from "./concern-cases.js";
import { device, disk } from "./good-server.js";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;

function payload(number: number, size: number): Payload {
  const disk = `xvda${number}`;
  const identity = { size, serial: undefined, tableId: undefined };
  return { disk, sourcePath: `/dev/xenvg/web1-${number}`, size, identity, number, use: "linux" };
}

describe("laying out disks without a partition table", () => {
  it("gives each its place by number, at multiples of 1 MiB, with room for a boot loader in front", () => {
    const { size, wrapping } = layOut([payload(3, 5 * MIB + 512), payload(1, 640 * MIB)], "web1 xvda");
    assert.equal(wrapping.table, "dos");
    assert.deepEqual(
      wrapping.parts.map(({ number, offset }) => [number, offset]),
      [
        [1, MIB],
        [3, 641 * MIB],
      ],
    );
    assert.equal(size, 647 * MIB);
  });

  it("gives the same for the same, and another id for another guest", () => {
    const ids = ["web1 xvda", "web1 xvda", "web2 xvda"].map((seed) => layOut([payload(1, MIB)], seed).wrapping.tableId);
    assert.equal(ids[0], ids[1]);
    assert.notEqual(ids[0], ids[2]);
    assert.match(ids[0] ?? "", /^[0-9a-f]{8}$/);
  });

  it("takes a GPT where a DOS table ends: beyond 2 TiB and above four partitions", () => {
    const large = layOut([payload(1, 2 * TIB)], "web1 xvda");
    assert.equal(large.wrapping.table, "gpt");
    assert.equal(large.size, MIB + 2 * TIB + MIB);
    assert.match(large.wrapping.tableId, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(layOut([payload(1, 2 * TIB - 2 * MIB)], "web1 xvda").wrapping.table, "dos");
    assert.equal(layOut([payload(1, MIB), payload(5, MIB)], "web1 xvda").wrapping.table, "gpt");
  });

  it("knows a partition by its name", () => {
    assert.deepEqual(partitionName("xvda1"), { disk: "xvda", number: 1 });
    assert.deepEqual(partitionName("sdb12"), { disk: "sdb", number: 12 });
    for (const name of ["xvda", "sda", "nvme0n1", "md0", "xvda0"]) assert.equal(partitionName(name), undefined);
  });

  it("knows what a partition is for by its format", () => {
    assert.deepEqual(["swap", "LVM2_member", "ext3", undefined].map(useOf), ["swap", "lvm", "linux", "linux"]);
  });
});

describe("the plan of a paravirtual guest", () => {
  const root = { partitionTable: undefined, tableId: undefined, serial: undefined, stablePath: undefined } as const;
  const boot = {
    how: "outside",
    kernel: "/k",
    ramdisk: undefined,
    commandLine: "",
    release: "6.1",
    hasModules: true,
  } as const;
  const xen = { bootLoader: undefined, boot };

  it("makes one disk of its partitions, whose numbers stay, and starts from the one with the system", () => {
    const disks = [
      disk("xvdb1", { ...root, size: GIB, format: "xfs", uuid: "data", path: "/dev/xenvg/web1-data" }),
      disk("xvda2", { ...root, size: GIB / 2, format: "swap", uuid: "swap", path: "/dev/xenvg/web1-swap" }),
      disk("xvda1", {
        ...root,
        size: GIB,
        format: "ext4",
        uuid: "root",
        mountPoint: "/",
        path: "/dev/xenvg/web1-root",
      }),
    ];
    const made = plan({ machine: { ...xen, disks } });
    assert.deepEqual(
      made.volumes.map(({ disk, device, size, wrapping }) => [
        disk,
        device,
        size,
        wrapping?.parts.map((part) => [part.disk, part.sourcePath, part.number, part.offset, part.use]),
      ]),
      [
        [
          "xvda",
          "vda",
          GIB + GIB / 2 + MIB,
          [
            ["xvda1", "/dev/xenvg/web1-root", 1, MIB, "linux"],
            ["xvda2", "/dev/xenvg/web1-swap", 2, GIB + MIB, "swap"],
          ],
        ],
        ["xvdb", "vdb", GIB + MIB, [["xvdb1", "/dev/xenvg/web1-data", 1, MIB, "linux"]]],
      ],
    );
    assert.deepEqual(made.volumes[0]?.wrapping?.parts[0]?.identity, { size: GIB, serial: undefined, tableId: "root" });
    const ids = made.volumes.map(({ wrapping }) => wrapping?.tableId);
    assert.equal(new Set(ids).size, 2);
    const outlook = { guest: "web1", source: "web1", plan: made, concerns: [] };
    const text = describeOutlook(outlook).join("\n");
    assert.match(text, /xvda\* .*vda .*vda\.raw/);
    assert.match(text, /^ +xvda2 +512 MiB +vda2 +swap from byte 1074790400, DOS$/m);
    assert.ok(
      text.split("\n").every((line) => line.length <= 80),
      text,
    );
  });

  it("wraps a root file system that is straight on a whole disk, where no boot loader fits; and nothing else", () => {
    const disks = [
      disk("xvda", { ...root, size: GIB, format: "ext4", uuid: "root", mountPoint: "/" }),
      disk("xvdb", { ...root, size: GIB, format: "ext4", uuid: "data", mountPoint: "/srv" }),
      disk("xvdc", { size: GIB, contents: [device("xvdc1", { format: "ext4", mountPoint: "/var" })] }),
    ];
    const { volumes } = plan({ machine: { ...xen, disks } });
    assert.deepEqual(
      volumes.map(({ disk, wrapping }) => [disk, wrapping?.parts.map(({ disk, number }) => [disk, number])]),
      [
        ["xvda", [["xvda", 1]]],
        ["xvdb", undefined],
        ["xvdc", undefined],
      ],
    );
    assert.equal(plan({ machine: { disks } }).volumes[0]?.wrapping, undefined, "a machine with its own boot loader");
  });
});
