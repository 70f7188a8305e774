import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";

const PIECE = 1024 * 1024;
const BLOCK = 4096;

/** A disk that is in use for the most part: 60 % random bytes, the rest holes, in pieces of 1 MiB. */
export async function makeImage(path: string, size: number): Promise<void> {
  const file = await open(path, "wx");
  await file.truncate(size);
  const pool = randomBytes(8 * PIECE);
  for (let offset = 0, piece = 0; offset < size; offset += PIECE, piece += 1) {
    if ((piece * 3) % 5 >= 3) continue;
    const data = Buffer.from(pool.subarray((piece % 8) * PIECE, ((piece % 8) + 1) * PIECE));
    for (let at = 0; at < PIECE; at += BLOCK) data.writeUInt32LE(piece * 256 + at / BLOCK, at); // no two blocks are equal
    await file.write(data, 0, PIECE, offset);
  }
  await file.sync();
  await file.close();
}

/** Overwrites this share of the blocks, at random places. @returns bytes changed */
export async function change(path: string, size: number, share: number): Promise<number> {
  const file = await open(path, "r+");
  const blocks = size / BLOCK;
  const chosen = new Set<number>();
  while (chosen.size < Math.round(blocks * share)) chosen.add(Math.floor(Math.random() * blocks));
  for (const block of chosen) await file.write(randomBytes(BLOCK), 0, BLOCK, block * BLOCK);
  await file.sync();
  await file.close();
  return chosen.size * BLOCK;
}
