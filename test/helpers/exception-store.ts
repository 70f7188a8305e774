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
