import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { getSystemErrorMap } from "node:util";
import { RehomeError } from "./errors.js";

/**
 * Makes a folder and those above it. Not node's own `recursive`, which never ends below a file system that refuses new
 * folders with ENOENT, such as /proc.
 * @throws RehomeError file-unwritable
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  try {
    await make(path, mode);
  } catch (cause) {
    throw new RehomeError("file-unwritable", `cannot make the folder: ${reasonOf(cause)}`, {
      path,
      remedy: "name a folder that this user may make and write to (--state, or target.state in rehome.yaml)",
      cause,
    });
  }
}

async function make(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      if ((await stat(path)).isDirectory()) return;
      throw new Error(`${path} is no folder`, { cause });
    }
    if (code !== "ENOENT" || dirname(path) === path) throw cause;
    await make(dirname(path), mode);
    await mkdir(path, { mode }).catch((again: unknown) => {
      if ((again as NodeJS.ErrnoException).code !== "EEXIST") throw again; // somebody else made it meanwhile
    });
  }
}

/** Why a file could not be used, in the system's words: `no such file or directory`. */
export function reasonOf(cause: unknown): string {
  const { errno } = cause as NodeJS.ErrnoException;
  const [, words] = (errno !== undefined && getSystemErrorMap().get(errno)) || [];
  return words ?? (cause instanceof Error ? cause.message : String(cause));
}
