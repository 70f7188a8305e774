import type { Volume } from "../../cluster/volumes/types.js";
import { DIGEST_SIZE, putMarks } from "../../lib/digest.js";
import { RehomeError } from "../../lib/errors.js";
import { GPT_FRONT, gptTable } from "../../lib/partition-table/gpt.js";
import { dosTable } from "../../lib/partition-table/mbr.js";
import { SECTOR, type Partition, type Piece } from "../../lib/partition-table/types.js";
import { ALIGNMENT, BOOT_LOADER_NUMBER } from "../plan/wrapping.js";
import type { VolumePlan, Wrapping } from "../types.js";
import { CHUNK_SIZE } from "./types.js";

/**
 * What rehome itself writes around the disks that are wrapped into a volume: the partition table, and zeros where a boot
 * loader will be; in pieces that begin and end at multiples of 1 MiB. Nothing for a volume that is the copy of one disk.
 */
export function frameOf({ size, wrapping }: Pick<VolumePlan, "size" | "wrapping">): readonly Piece[] {
  if (wrapping === undefined) return [];
  const request = { size, id: wrapping.tableId, partitions: partitionsOf(wrapping) };
  const pieces = wrapping.table === "gpt" ? gptTable(request) : dosTable(request);
  return pieces.map(({ offset, data }) => {
    const start = Math.floor(offset / ALIGNMENT) * ALIGNMENT;
    const area = Buffer.alloc(ALIGNMENT);
    data.copy(area, offset - start);
    return { offset: start, data: area };
  });
}

function partitionsOf({ table, parts }: Wrapping): readonly Partition[] {
  const own = parts.map(({ number, offset, size, use }) => ({
    number,
    start: offset,
    size: Math.ceil(size / SECTOR) * SECTOR,
    use,
  }));
  if (table === "dos") return own;
  const start = Math.ceil(GPT_FRONT / SECTOR) * SECTOR;
  return [...own, { number: BOOT_LOADER_NUMBER, start, size: ALIGNMENT - start, use: "boot-loader" }];
}

/** Writes the frame where it is not as it must be, durably. The volume must be a copy of the source: see openCopies. */
export async function writeFrame(volume: Volume, plan: VolumePlan): Promise<void> {
  const wrong: Piece[] = [];
  for (const piece of frameOf(plan)) {
    const found = await volume.digests(piece.offset, piece.data.length, CHUNK_SIZE);
    if (!found.equals(digestsOf(piece))) wrong.push(piece);
  }
  for (const { offset, data } of wrong) await volume.write([data], offset);
  if (wrong.length > 0) await volume.flush();
}

/** Reads the frame back past the page cache. @throws RehomeError verify-mismatch */
export async function verifyFrame(volume: Volume, plan: VolumePlan): Promise<void> {
  const pieces = frameOf(plan);
  if (pieces.length === 0) return;
  const readBack = await volume.openReadBack();
  try {
    for (const piece of pieces) {
      const found = await readBack.digests(piece.offset, piece.data.length, CHUNK_SIZE);
      if (found.equals(digestsOf(piece))) continue;
      throw new RehomeError("verify-mismatch", `the partition table of ${plan.device} is not as it was written`, {
        path: plan.path,
        remedy: "the source is intact: look at the target's disks (dmesg, smartctl), then stage the guest again",
      });
    }
  } finally {
    await readBack.close();
  }
}

function digestsOf({ data }: Piece): Buffer {
  const digests = Buffer.allocUnsafe((data.length / CHUNK_SIZE) * DIGEST_SIZE);
  putMarks(digests, 0, data, CHUNK_SIZE);
  return digests;
}
