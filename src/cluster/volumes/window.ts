import { RehomeError } from "../../lib/errors.js";
import type { Volume } from "./types.js";

/**
 * A range of a volume as if it were a volume of its own, which begins at byte 0: whoever copies a disk into a partition
 * need not know of it. It has the volume's mark, and closing it closes nothing: the volume is its owner's.
 * @throws RehomeError internal, from each operation that would leave the range
 */
export function windowOf(volume: Volume, start: number, size: number): Volume {
  function at(offset: number, length: number): number {
    if (offset >= 0 && length >= 0 && offset + length <= size) return start + offset;
    throw new RehomeError("internal", `bytes ${offset} to ${offset + length} are not in a window of ${size} bytes`, {
      path: volume.path,
    });
  }
  return {
    path: volume.path,
    mark: volume.mark,
    fresh: volume.fresh,
    unmarked: volume.unmarked,
    read: async (target, offset) => volume.read(target, at(offset, target.length)),
    digests: async (offset, length, unit) => volume.digests(at(offset, length), length, unit),
    write: async (buffers, offset) => volume.write(buffers, at(offset, lengthOf(buffers))),
    zero: async (offset, length) => volume.zero(at(offset, length), length),
    flush: () => volume.flush(),
    async openReadBack() {
      const readBack = await volume.openReadBack();
      return {
        how: readBack.how,
        digests: async (offset, length, unit) => readBack.digests(at(offset, length), length, unit),
        close: () => readBack.close(),
      };
    },
    close: () => Promise.resolve(),
  };
}

function lengthOf(buffers: readonly Buffer[]): number {
  return buffers.reduce((sum, { length }) => sum + length, 0);
}
