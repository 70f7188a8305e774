import assert from "node:assert/strict";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runChecked } from "../../../src/lib/host/run.js";
import { gptTable } from "../../../src/lib/partition-table/gpt.js";
import { dosTable } from "../../../src/lib/partition-table/mbr.js";
import type { Partition, Piece } from "../../../src/lib/partition-table/types.js";

const MIB = 1024 ** 2;
const TIB = 1024 ** 4;
const GUID = "9c1b5f9e-3c3b-4f5e-8d3a-0123456789ab";

const PARTITIONS: readonly Partition[] = [
  { number: 1, start: MIB, size: 640 * MIB, use: "linux" },
  { number: 3, start: 641 * MIB, size: 20 * 1024 * MIB + 512, use: "swap" },
  { number: 4, start: 641 * MIB + 20 * 1024 * MIB + MIB, size: 3 * MIB, use: "lvm" },
];

describe("partition tables, read by the programs that everybody uses", () => {
  const host = localHost();
  let folder: string;
  let disk: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-table-"));
    disk = join(folder, "disk");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function write(size: number, pieces: readonly Piece[]): Promise<void> {
    const file = await open(disk, "w");
    await file.truncate(size);
    for (const { offset, data } of pieces) await file.write(data, 0, data.length, offset);
    await file.close();
  }

  interface Dump {
    readonly label: string;
    readonly id: string;
    readonly partitions: readonly {
      readonly node: string;
      readonly start: number;
      readonly size: number;
      readonly type: string;
      readonly bootable?: boolean;
    }[];
  }

  async function dump(): Promise<Dump> {
    const text = await runChecked(host, ["sfdisk", "--json", disk]);
    return (JSON.parse(text) as { partitiontable: Dump }).partitiontable;
  }

  it("writes a DOS table that sfdisk reads back and finds right", async () => {
    const size = 22 * 1024 * MIB;
    await write(size, dosTable({ size, id: "0badc0de", partitions: PARTITIONS }));
    const { label, id, partitions } = await dump();
    assert.deepEqual([label, id], ["dos", "0x0badc0de"]);
    assert.deepEqual(
      partitions.map(({ node, start, size, type, bootable }) => [node.slice(disk.length), start, size, type, bootable]),
      [
        ["1", 2048, (640 * MIB) / 512, "83", true],
        ["3", (641 * MIB) / 512, (20 * 1024 * MIB) / 512 + 1, "82", undefined],
        ["4", (641 * MIB + 20 * 1024 * MIB + MIB) / 512, 6144, "8e", undefined],
      ],
    );
    assert.match(await runChecked(host, ["sfdisk", "--verify", disk]), /No errors detected/);
    assert.match(await runChecked(host, ["blkid", "-p", "-o", "export", disk]), /^PTUUID=0badc0de$/m);
  });

  for (const [what, size] of [
    ["of 24 GiB", 24 * 1024 * MIB],
    ["beyond 2 TiB", 3 * TIB],
  ] as const) {
    it(`writes a GPT on a disk ${what} that sgdisk and sfdisk find right, copy included`, async () => {
      const partitions: readonly Partition[] = [
        ...PARTITIONS,
        { number: 17, start: 22 * 1024 * MIB, size: size - 22 * 1024 * MIB - MIB, use: "linux" },
        { number: 128, start: 34 * 512, size: MIB - 34 * 512, use: "boot-loader" },
      ];
      await write(size, gptTable({ size, id: GUID, partitions }));
      const { label, id, partitions: found } = await dump();
      assert.deepEqual([label, id.toLowerCase()], ["gpt", GUID]);
      assert.deepEqual(
        found.map(({ node, start, size: sectors }) => [Number(node.slice(disk.length)), start * 512, sectors * 512]),
        partitions.map(({ number, start, size: bytes }) => [number, start, bytes]),
      );
      assert.match(await runChecked(host, ["sfdisk", "--verify", disk]), /No errors detected/);
      const { exitCode, stdout } = await host.run(["sgdisk", "--verify", disk]);
      if (exitCode !== 127) assert.match(stdout, /No problems found/);
    });
  }

  it("refuses what a table cannot say", () => {
    const partition = (number: number): Partition => ({ number, start: MIB, size: MIB, use: "linux" });
    assert.throws(() => dosTable({ size: 3 * TIB, id: "00000001", partitions: [] }), /cannot count/);
    assert.throws(() => dosTable({ size: MIB, id: "00000001", partitions: [partition(5)] }), /no primary partition 5/);
    assert.throws(() => dosTable({ size: MIB, id: "xyz", partitions: [] }), /is no id/);
    assert.throws(() => gptTable({ size: 4 * MIB, id: GUID, partitions: [partition(129)] }), /no partition 129/);
    assert.throws(() => gptTable({ size: 4 * MIB, id: "1234", partitions: [] }), /is no GUID/);
  });
});
