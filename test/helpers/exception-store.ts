import { gunzipSync } from "node:zlib";

const SECTOR = 512;

/**
 * Writes the store of a dm-snapshot as the kernel does, for tests: written from the kernel's documentation, and from
 * nothing that reads it.
 * @param changed chunks of the origin, in the order in which they were written to
 */
export function storeOf(
  chunkSize: number,
  changed: readonly number[],
): { readonly store: Buffer; readonly areas: number } {
  const perArea = chunkSize / 16;
  const areas = Math.floor(changed.length / perArea) + 1; // a full area is followed by one that is cleared
  const store = Buffer.alloc((1 + areas * (perArea + 1)) * chunkSize);
  store.write("SnAp", 0, "latin1");
  store.writeInt32LE(1, 4);
  store.writeInt32LE(1, 8);
  store.writeInt32LE(chunkSize / SECTOR, 12);
  let free = 2;
  let area = 1;
  for (const [index, chunk] of changed.entries()) {
    const slot = index % perArea;
    if (index > 0 && slot === 0) {
      area += perArea + 1;
      free = area + 1;
    }
    const entry = Buffer.alloc(16);
    entry.writeBigInt64LE(BigInt(chunk), 0);
    entry.writeBigInt64LE(BigInt(free), 8);
    entry.copy(store, area * chunkSize + slot * 16);
    store.fill(0xda, free * chunkSize, (free + 1) * chunkSize);
    free += 1;
  }
  return { store, areas };
}

/**
 * A store of 16 MiB as Linux 6.1 wrote it: 4-KiB writes at blocks 100, 101, 102 and 7 of a volume of 64 MiB, then zeros
 * over 64 KiB from 1 MiB on.
 */
export function realStore(): Buffer {
  return Buffer.concat([gunzipSync(Buffer.from(REAL_STORE, "base64")), Buffer.alloc(16 * 1024 * 1024)]);
}

/** The first 22 chunks of a store, gzip and base64; what was saved there were zeros. */
const REAL_STORE =
  "H4sIAAAAAAACA+3YOw6CQABFURBFUBC/C3INbkEtjfuvjPFNYWlrzknIy03I0EzF5XF+1lVVvZ+uAgAAAP7RNTvL3rJN9p6dZ5fZRTmg/kxbsv5+b5Yu/xaadF/OTa/Kuel1uk0P5fvpMd2lN+k+PaVX6W16nd6lh/Q+PaYP6U36mJ7SJ1cHAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPjRCxn/5hYAYAEA";
