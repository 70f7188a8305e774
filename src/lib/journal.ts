import { open, readFile, truncate, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { RehomeError } from "./errors.js";

/** An append-only file of JSON lines; a record is on the disk when `append` resolves. */
export interface Journal<T> {
  append(record: T): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a journal for appending and cuts off a last line that a crash left half-written.
 * @throws RehomeError file-unwritable, journal-corrupt
 */
export async function openJournal<T>(path: string): Promise<Journal<T>> {
  const { validBytes, totalBytes } = await scan(path);
  if (validBytes < totalBytes) await truncate(path, validBytes);
  let file: FileHandle;
  try {
    file = await open(path, "a", 0o600);
    await syncFolder(path); // a new file must survive a power cut too
  } catch (cause) {
    throw new RehomeError("file-unwritable", "cannot open the journal", { path, cause });
  }
  let bytes = validBytes;
  let broken = false;
  async function write(line: Buffer): Promise<void> {
    if (broken) throw new Error("an earlier record could not be taken back");
    try {
      await file.appendFile(line);
      await file.sync();
      bytes += line.length;
    } catch (cause) {
      // A full disk leaves half a record: what comes after it would be unreadable.
      await file.truncate(bytes).catch(() => (broken = true));
      throw cause;
    }
  }
  let last: Promise<unknown> = Promise.resolve();
  return {
    async append(record) {
      const line = Buffer.from(`${JSON.stringify(record)}\n`);
      const written = last.then(() => write(line)); // one after the other, in the order of the calls
      last = written.catch(() => undefined);
      try {
        await written;
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new RehomeError("file-unwritable", `cannot write to the journal: ${reason}`, {
          path,
          remedy: "make room there, or make it writable; then run the same command again, which goes on",
          cause,
        });
      }
    },
    async close() {
      await last;
      await file.close();
    },
  };
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * All records of a journal; none when there is no such file. A half-written last line is what a crash leaves and is
 * ignored; a damaged record before it is an error.
 * @throws RehomeError journal-corrupt with the line
 */
export async function readJournal<T>(path: string): Promise<readonly T[]> {
  return (await scan<T>(path)).records;
}

interface Scan<T> {
  readonly records: readonly T[];
  readonly validBytes: number;
  readonly totalBytes: number;
}

async function scan<T>(path: string): Promise<Scan<T>> {
  let data: Buffer;
  try {
    data = await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return { records: [], validBytes: 0, totalBytes: 0 };
    throw new RehomeError("file-unreadable", "cannot read the journal", { path, cause });
  }
  const records: T[] = [];
  let start = 0;
  for (let end = data.indexOf(10); end !== -1; end = data.indexOf(10, start)) {
    try {
      records.push(JSON.parse(data.toString("utf8", start, end)) as T);
    } catch (cause) {
      throw new RehomeError("journal-corrupt", "the journal has a damaged record", {
        path,
        line: records.length + 1,
        remedy:
          "restore it from a backup; do not remove it and start again before you know which copy of the guest counts",
        cause,
      });
    }
    start = end + 1;
  }
  return { records, validBytes: start, totalBytes: data.length };
}
