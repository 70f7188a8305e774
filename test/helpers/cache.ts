import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where tests keep what is expensive to make: `rehome` below the user's cache folder. */
export function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "rehome");
}

/** A short hash over strings and over all files below folders, names included: the key of what is made from them. */
export async function contentKey(parts: readonly string[], folders: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part}\0`);
  for (const folder of folders) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    for (const file of files.sort()) {
      hash
        .update(`${file.slice(folder.length)}\0`)
        .update(await readFile(file))
        .update("\0");
    }
  }
  return hash.digest("hex").slice(0, 16);
}
