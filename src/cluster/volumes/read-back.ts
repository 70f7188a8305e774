import { constants, open, type FileHandle } from "node:fs/promises";
import { DIGEST_SIZE, putMarks } from "../../lib/digest.js";
import { RehomeError } from "../../lib/errors.js";
import { localHost } from "../../lib/host/local-host.js";
import { runChecked } from "../../lib/host/run.js";
import type { VolumeReadBack } from "./types.js";

/** The little of it that is used here; TypeScript has it among browsers' types only. */
declare const WebAssembly: { readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer } };

/** WebAssembly's memory comes in pages of this size, and starts on a page of the machine. */
const WASM_PAGE = 65_536;
/** What O_DIRECT wants of offsets and lengths, on every disk that there is. */
const ALIGNMENT = 4096;
/** Bytes read at once. */
const PIECE = 4 * 1024 * 1024;

/**
 * Opens a volume to read what is on the disk and not what is in memory: with O_DIRECT, or, where the file system has no
 * such thing (tmpfs), after dropping the file's pages from the cache.
 */
export async function openReadBack(path: string): Promise<VolumeReadBack> {
  const direct = await openDirect(path);
  if (direct !== undefined) return readBackOf(direct, path, "direct");
  await runChecked(localHost(), [
    "dd",
    `of=${path}`,
    "oflag=nocache",
    "conv=notrunc,fdatasync",
    "count=0",
    "status=none",
  ]);
  return readBackOf(await open(path, "r"), path, "dropped-cache");
}

async function openDirect(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECT);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EINVAL") return undefined;
    throw new RehomeError("target-write-failed", "cannot open the volume to read it back", { path, cause });
  }
}

function readBackOf(file: FileHandle, path: string, how: VolumeReadBack["how"]): VolumeReadBack {
  const piece = alignedBuffer(PIECE);
  return {
    how,
    async digests(offset, length, unit) {
      const digests = Buffer.allocUnsafe(Math.ceil(length / unit) * DIGEST_SIZE);
      for (let done = 0; done < length; done += PIECE) {
        const wanted = Math.min(PIECE, length - done);
        await readInto(file, path, piece, offset + done, wanted);
        putMarks(digests, done / unit, piece.subarray(0, wanted), unit);
      }
      return digests;
    },
    close: () => file.close(),
  };
}

async function readInto(file: FileHandle, path: string, target: Buffer, offset: number, length: number): Promise<void> {
  const wanted = Math.ceil(length / ALIGNMENT) * ALIGNMENT; // at the end of the file less comes back
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(target, done, wanted - done, offset + done).catch((cause: unknown) => {
      throw new RehomeError("target-write-failed", `cannot read the volume back at byte ${offset + done}`, {
        path,
        cause,
      });
    });
    if (bytesRead === 0) {
      throw new RehomeError("target-write-failed", `the volume ends at byte ${offset + done}`, { path });
    }
    done += bytesRead;
  }
}

/** A buffer that starts on a memory page, without native code: WebAssembly's memory does. */
function alignedBuffer(size: number): Buffer {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(size / WASM_PAGE) });
  return Buffer.from(memory.buffer, 0, Math.ceil(size / ALIGNMENT) * ALIGNMENT);
}
