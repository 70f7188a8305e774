import { readFile } from "node:fs/promises";
import { RehomeError } from "../../lib/errors.js";
import { localHost } from "../../lib/host/local-host.js";
import type { VolumeMark } from "./types.js";

/** The mark of a volume that is a file. */
export interface FileMark extends VolumeMark {
  /** Inode number and time of birth, so that a file put in its place is noticed. */
  readonly inode: string;
}

/** The mark lies beside the volume, so that it stays with it when the state folder is lost. */
export function markPath(volumePath: string): string {
  return `${volumePath}.rehome.json`;
}

/**
 * The mark of a volume; undefined when rehome never made one there.
 * @throws RehomeError file-unreadable when there is a mark that cannot be read or understood
 */
export async function readMark(volumePath: string): Promise<FileMark | undefined> {
  const path = markPath(volumePath);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new RehomeError("file-unreadable", "cannot read the mark of the volume", { path, cause });
  }
  try {
    return JSON.parse(text) as FileMark;
  } catch (cause) {
    throw new RehomeError("file-unreadable", "the mark of the volume is damaged", {
      path,
      remedy: "remove the volume and its mark to stage it again from nothing",
      cause,
    });
  }
}

/** Replaces the mark at once and durably. */
export async function writeMark(volumePath: string, mark: FileMark): Promise<void> {
  await localHost().writeFile(markPath(volumePath), `${JSON.stringify(mark, null, 2)}\n`, 0o600);
}
