import type { ScanSink } from "./agent-types.js";

/**
 * A sink for a device on which a stretch of the disk lies elsewhere than on the disk itself.
 * @param shift what was added to a chunk's number on the disk to get its number on the device
 */
export function shiftedSink(sink: ScanSink, shift: number): ScanSink {
  if (shift === 0) return sink;
  return {
    zeros: (first, count) => sink.zeros(first - shift, count),
    changed: (chunk, digest, blocks) => sink.changed(chunk - shift, digest, blocks),
    data: (chunk, bitmap, pieces) => sink.data(chunk - shift, bitmap, pieces),
    differs: (chunk) => sink.differs(chunk - shift),
    travelled: (bytes) => sink.travelled(bytes),
    own: (first, count) => sink.own(first - shift, count),
  };
}
