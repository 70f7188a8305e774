import { DIGEST_SIZE } from "../../../lib/digest.js";
import { RehomeError } from "../../../lib/errors.js";
import type { Host } from "../../../lib/host/types.js";
import type { Volume, VolumeMark } from "../types.js";
import { VolumeAgent } from "./agent.js";
import { DIGEST_PIECE, PIECE, REQUEST } from "./protocol.js";

export interface DeviceVolumeOptions {
  /** The machine that has it. */
  readonly host: Host;
  /** Where it is there: /dev/drbd10. The caller has made sure that it is rehome's. */
  readonly device: string;
  /** What the guest's plan calls it. */
  readonly path: string;
  readonly mark: VolumeMark;
  /** Whether it was given its mark just now. */
  readonly unmarked: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a device of another machine as a guest's volume. What is on a new one nobody knows: it is read before it is
 * believed, and never taken for zeros.
 * @throws RehomeError volume-busy, volume-missing, volume-foreign, target-write-failed, tool-missing, agent-failed,
 *   connection-lost
 */
export async function openDeviceVolume(options: DeviceVolumeOptions): Promise<Volume> {
  const { host, device, path, mark, unmarked, signal } = options;
  const { agent, hello } = await VolumeAgent.open(host, device, { signal });
  if (hello.size < mark.size) {
    await agent.close();
    throw new RehomeError("volume-foreign", `the device has ${hello.size} bytes, the disk ${mark.size}`, {
      machine: host.name,
      path: device,
      remedy: "remove the volume to stage the disk again from nothing",
    });
  }
  async function digests(offset: number, length: number, unit: number): Promise<Buffer> {
    const found = await inPieces(offset, length, DIGEST_PIECE, (at, bytes) =>
      agent.ask({ type: REQUEST.digest, offset: at, length: bytes, unit }),
    );
    const all = Buffer.concat(found);
    if (all.length === Math.ceil(length / unit) * DIGEST_SIZE) return all;
    throw new RehomeError("agent-failed", `${all.length} bytes of digests for ${length} bytes`, { machine: host.name });
  }
  return {
    path,
    mark,
    fresh: false,
    unmarked,
    async read(target, offset) {
      await inPieces(offset, target.length, PIECE, async (at, bytes) => {
        const data = await agent.ask({ type: REQUEST.read, offset: at, length: bytes });
        if (data.copy(target, at - offset) !== bytes) {
          throw new RehomeError("agent-failed", `${data.length} of ${bytes} bytes were read`, { machine: host.name });
        }
      });
    },
    digests,
    async write(buffers, offset) {
      const data = buffers.length === 1 && buffers[0] !== undefined ? buffers[0] : Buffer.concat(buffers);
      await inPieces(offset, data.length, PIECE, (at, bytes) =>
        agent.ask({ type: REQUEST.write, offset: at, length: bytes }, [
          data.subarray(at - offset, at - offset + bytes),
        ]),
      );
    },
    async zero(offset, length) {
      await agent.ask({ type: REQUEST.zero, offset, length });
    },
    async flush() {
      await agent.ask({ type: REQUEST.flush, offset: 0, length: 0 });
    },
    async openReadBack() {
      if (!hello.direct) await agent.ask({ type: REQUEST.cache, offset: 0, length: 0 });
      return { how: hello.direct ? "direct" : "dropped-cache", digests, close: () => Promise.resolve() };
    },
    close: () => agent.close(),
  };
}

/** All pieces at once, so that they are on their way one behind the other. @throws what the first to fail throws */
async function inPieces<T>(
  offset: number,
  length: number,
  piece: number,
  work: (offset: number, length: number) => Promise<T>,
): Promise<readonly T[]> {
  const pieces = Array.from({ length: Math.ceil(length / piece) }, (_, index) => {
    const at = offset + index * piece;
    return work(at, Math.min(piece, offset + length - at));
  });
  const results = await Promise.allSettled(pieces); // nothing is under way any more when this ends
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
