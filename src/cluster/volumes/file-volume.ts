import { randomUUID } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { link, open, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { DIGEST_SIZE, putMarks } from "../../lib/digest.js";
import { RehomeError } from "../../lib/errors.js";
import { makeFolder } from "../../lib/folder.js";
import { localHost } from "../../lib/host/local-host.js";
import { runChecked } from "../../lib/host/run.js";
import { readMark, writeMark, type FileMark } from "./mark.js";
import { openReadBack } from "./read-back.js";
import { allocatedSpace, freeSpace } from "./space.js";
import type { Volume, VolumeRequest, VolumeStore } from "./types.js";

/** Ranges of zeros shorter than this are written, longer ones are punched by a program. */
const PUNCH_FROM = 1024 * 1024;

/** Bytes read at once. */
const PIECE = 4 * 1024 * 1024;

/** Volumes that are files of the machine that rehome runs on. */
export const fileVolumes: VolumeStore = {
  open: openFileVolume,
  mark: markOfFile,
  async remark(path, mark) {
    const found = await readMark(path);
    if (found === undefined) throw new RehomeError("volume-missing", "there is no volume made by rehome", { path });
    await writeMark(path, { ...found, ...mark });
  },
  withImage: (path, work) => work(path),
  space: async (path) => ({ allocated: await allocatedSpace(path), free: await freeSpace(path) }),
};

/** The mark of the file that is there: another one in its place has none. */
async function markOfFile(path: string): Promise<FileMark | undefined> {
  const [mark, found] = await Promise.all([readMark(path), statOrNothing(path)]);
  return found !== undefined && mark?.inode === inodeOf(found) ? mark : undefined;
}

/**
 * Opens the volume of a disk, a sparse raw file, and makes it when there is none.
 * @throws RehomeError volume-foreign when something that rehome did not make is there, target-full, target-write-failed
 */
async function openFileVolume(request: VolumeRequest): Promise<Volume> {
  const { path, size } = request;
  const mark = await readMark(path);
  const found = await statOrNothing(path);
  if (found === undefined) return makeVolume(request);
  if (mark === undefined) {
    throw new RehomeError("volume-foreign", "there is a file that rehome did not make where the volume should be", {
      path,
      remedy: "move it away, or give the guest another place for its volumes",
    });
  }
  if (mark.inode !== inodeOf(found) || mark.guest !== request.guest || mark.disk !== request.disk) {
    throw new RehomeError(
      "volume-foreign",
      `the file is not the volume that rehome made for disk ${request.disk} of ${request.guest}`,
      { path, remedy: "put the volume back, or move the file and its mark away to stage from nothing" },
    );
  }
  if (mark.size !== size || Number(found.size) !== size) {
    throw new RehomeError("volume-foreign", `the volume has ${found.size} bytes, the disk ${size}`, {
      path,
      remedy: "move the volume and its mark away to stage the disk again from nothing",
    });
  }
  await rm(temporaryPath(path), { force: true }); // a crash between naming the file and this left a second name
  return openMarked(path, mark, false);
}

function temporaryPath(path: string): string {
  return `${path}.rehome-new`;
}

/** Crash-safe: the file gets its name only after its mark is on the disk, so nothing of ours is ever unmarked. */
async function makeVolume({ path, guest, disk, size }: VolumeRequest): Promise<Volume> {
  const temporary = temporaryPath(path);
  await makeFolder(dirname(path));
  try {
    await rm(temporary, { force: true });
    const file = await open(temporary, "wx+", 0o600);
    let mark: FileMark;
    try {
      await file.truncate(size);
      await file.sync();
      mark = { uuid: randomUUID(), guest, disk, size, inode: inodeOf(await file.stat({ bigint: true })) };
    } finally {
      await file.close();
    }
    await writeMark(path, mark);
    await link(temporary, path); // unlike rename, never replaces what somebody put there meanwhile
    await rm(temporary);
    await syncFolder(dirname(path));
    return await openMarked(path, mark, true);
  } catch (cause) {
    throw storageError(cause, path, "make the volume");
  }
}

async function openMarked(path: string, mark: FileMark, fresh: boolean): Promise<Volume> {
  let file: FileHandle;
  try {
    file = await open(path, "r+");
  } catch (cause) {
    throw storageError(cause, path, "open the volume");
  }
  return {
    path,
    mark,
    fresh,
    unmarked: fresh,
    read: (target, offset) => readFully(file, path, target, offset),
    async digests(offset, length, unit) {
      const digests = Buffer.allocUnsafe(Math.ceil(length / unit) * DIGEST_SIZE);
      const piece = Buffer.allocUnsafe(Math.min(length, PIECE));
      for (let done = 0; done < length; done += PIECE) {
        const data = piece.subarray(0, length - done);
        await readFully(file, path, data, offset + done);
        putMarks(digests, done / unit, data, unit);
      }
      return digests;
    },
    write: (buffers, offset) => writeFully(file, path, buffers, offset),
    zero: (offset, length) =>
      length < PUNCH_FROM ? writeZeros(file, path, offset, length) : punch(path, offset, length),
    async flush() {
      try {
        await file.datasync();
      } catch (cause) {
        throw storageError(cause, path, "flush the volume");
      }
    },
    openReadBack: () => openReadBack(path),
    close: () => file.close(),
  };
}

async function readFully(file: FileHandle, path: string, target: Buffer, offset: number): Promise<void> {
  for (let done = 0; done < target.length;) {
    let bytesRead: number;
    try {
      ({ bytesRead } = await file.read(target, done, target.length - done, offset + done));
    } catch (cause) {
      throw storageError(cause, path, "read the volume");
    }
    if (bytesRead === 0) {
      throw new RehomeError("target-write-failed", `the volume ends at byte ${offset + done}: it was truncated`, {
        path,
      });
    }
    done += bytesRead;
  }
}

async function writeFully(file: FileHandle, path: string, buffers: readonly Buffer[], offset: number): Promise<void> {
  let rest = [...buffers];
  let position = offset;
  while (rest.length > 0) {
    let bytesWritten: number;
    try {
      ({ bytesWritten } = await file.writev(rest, position));
    } catch (cause) {
      throw storageError(cause, path, "write to the volume");
    }
    position += bytesWritten;
    rest = dropFront(rest, bytesWritten);
  }
}

function dropFront(buffers: Buffer[], bytes: number): Buffer[] {
  let drop = bytes;
  let index = 0;
  for (; index < buffers.length; index += 1) {
    const { length } = buffers[index] ?? Buffer.alloc(0);
    if (length > drop) break;
    drop -= length;
  }
  const rest = buffers.slice(index);
  if (drop > 0 && rest[0] !== undefined) rest[0] = rest[0].subarray(drop);
  return rest;
}

const ZEROS = Buffer.alloc(PUNCH_FROM);

async function writeZeros(file: FileHandle, path: string, offset: number, length: number): Promise<void> {
  await writeFully(file, path, [ZEROS.subarray(0, length)], offset);
}

/** Node has no fallocate(2); util-linux is on every node. */
async function punch(path: string, offset: number, length: number): Promise<void> {
  await runChecked(localHost(), ["fallocate", "--punch-hole", "--offset", `${offset}`, "--length", `${length}`, path]);
}

/** A failed operation on a volume as the error that the administrator should see. */
export function storageError(cause: unknown, path: string, doing: string): RehomeError {
  if (cause instanceof RehomeError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new RehomeError("target-full", "no space left on the target", {
      path,
      remedy: "make room and run the same command again: it goes on where it stopped",
      cause,
    });
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  return new RehomeError("target-write-failed", `cannot ${doing}: ${message}`, { path, cause });
}

async function statOrNothing(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw storageError(cause, path, "look at the volume");
  }
}

/** Not the device number: device-mapper gives another one after a restart. */
function inodeOf(found: BigIntStats): string {
  return `${found.ino}@${found.birthtimeNs}`;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
