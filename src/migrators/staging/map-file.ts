import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { RehomeError } from "../../lib/errors.js";
import { groupFlush } from "./group-flush.js";

/** The file below a digest map: appends in order, and many appends share one fsync. */
export interface MapFile {
  readonly path: string;
  readonly handle: FileHandle;
  /** Bytes up to where records were or will be appended. */
  readonly size: number;
  /** Adds a record; it is written with the next commit. @returns where it will begin in the file */
  append(record: Buffer): number;
  /** All that was appended so far is on the disk when this resolves. @throws RehomeError file-unwritable */
  commit(): Promise<void>;
  close(): Promise<void>;
}

/** @param size bytes of whole records; whatever follows is overwritten */
export function mapFile(path: string, handle: FileHandle, size: number): MapFile {
  let end = size;
  let written = size;
  let pending: Buffer[] = [];
  let broken: RehomeError | undefined;

  const commit = groupFlush(async () => {
    if (broken) throw broken; // what follows a half-written record would never be found again
    const records = pending;
    pending = [];
    try {
      const data = Buffer.concat(records);
      for (let done = 0; done < data.length;) {
        done += (await handle.write(data, done, data.length - done, written + done)).bytesWritten;
      }
      written += data.length;
      await handle.sync();
    } catch (cause) {
      broken = new RehomeError("file-unwritable", `cannot write the digest map: ${messageOf(cause)}`, {
        path,
        remedy: "make room or mend the disk, and run the same command again: it goes on where it stopped",
        cause,
      });
      throw broken;
    }
  });

  return {
    path,
    handle,
    get size() {
      return end;
    },
    append(record) {
      const offset = end;
      pending.push(record);
      end += record.length;
      return offset;
    },
    commit,
    close: () => handle.close(),
  };
}

/** Replaces the file by one with these records, at once and durably, and opens it. */
export async function replaceMapFile(path: string, write: (file: MapFile) => Promise<void>): Promise<MapFile> {
  const temporary = `${path}.new`;
  const handle = await open(temporary, "w+", 0o600).catch((cause: unknown) => {
    throw new RehomeError("file-unwritable", `cannot make the digest map: ${messageOf(cause)}`, { path, cause });
  });
  const file = mapFile(path, handle, 0);
  try {
    await write(file);
    await file.commit();
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return file;
  } catch (thrown) {
    await handle.close();
    await rm(temporary, { force: true });
    throw thrown;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
