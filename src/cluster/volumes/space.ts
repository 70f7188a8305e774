import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";

/** Bytes that an ordinary user may still write to the file system that `path` is or will be on. */
export async function freeSpace(path: string): Promise<number> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    try {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT" || folder === dirname(folder)) throw cause;
    }
  }
}

/** Bytes that a volume takes on its file system, holes not counted; 0 when it does not exist. */
export async function allocatedSpace(path: string): Promise<number> {
  try {
    return (await stat(path)).blocks * 512;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw cause;
  }
}
