import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { RehomeError } from "../../lib/errors.js";
import { reasonOf } from "../../lib/folder.js";
import { localHost } from "../../lib/host/local-host.js";
import { acquireLock } from "../../lib/lock.js";
import { writeXml, type XmlElement } from "../../lib/xml.js";
import type { ClusterPaths } from "../paths.js";
import { parseCib, requireSound } from "./check.js";
import type { Edit } from "./tree.js";
import { withNextVersion } from "./version.js";

/** Where a CIB is kept. The runtime and commands change it through this, one change at a time. */
export interface CibStore {
  /** @throws RehomeError cib-missing, xml-malformed, cib-invalid, cib-unsupported */
  read(): Promise<XmlElement>;
  /**
   * Changes the CIB as it is now. An edit that returns its argument changes nothing; it may be called again when the
   * file was changed meanwhile.
   * @returns the CIB afterwards
   * @throws RehomeError as `read`, and locked, file-unwritable: the CIB is then as it was before
   */
  update(edit: Edit): Promise<XmlElement>;
}

export interface FileStoreOptions {
  /** Who changes it: `rehome runtime`, `rehome cluster standby`. */
  readonly client: string;
  /** Made first when there is no CIB yet; without it a missing CIB is an error. */
  readonly initial?: () => XmlElement;
}

/** The CIB in a file: replaced as a whole, under a lock. */
export function fileCib(paths: ClusterPaths, options: FileStoreOptions): CibStore {
  const read = (): Promise<XmlElement> => readCibFile(paths.cib, options.initial);
  return {
    read,
    async update(edit) {
      const lock = await acquireLock(paths.cibLock, options.client);
      try {
        for (;;) {
          const signature = fileSignature(paths.cib);
          const before = await read();
          const after = edit(before);
          if (after === before && signature !== undefined) return before;
          requireSound(after, paths.cib);
          const change = { at: Date.now(), origin: hostname(), client: options.client };
          const next = withNextVersion(before, after, change);
          // An editor knows nothing of the lock: what it saved meanwhile must not be lost.
          if (fileSignature(paths.cib) !== signature) continue;
          await localHost().writeFile(paths.cib, writeXml(next), 0o600);
          return next;
        }
      } finally {
        await lock.release();
      }
    },
  };
}

async function readCibFile(path: string, initial?: () => XmlElement): Promise<XmlElement> {
  try {
    return await readCib(path);
  } catch (thrown) {
    const { code } = ((thrown as Error).cause ?? {}) as NodeJS.ErrnoException;
    if (code === "ENOENT") {
      if (initial !== undefined) return initial();
      throw new RehomeError("cib-missing", "there is no CIB", {
        path,
        remedy: "rehome runtime makes one, or rehome cluster configure load FILE brings one",
      });
    }
    throw thrown;
  }
}

/**
 * Reads a CIB from a file that an administrator named.
 * @throws RehomeError file-unreadable, xml-malformed, cib-invalid, cib-unsupported
 */
export async function readCib(path: string): Promise<XmlElement> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new RehomeError("file-unreadable", `cannot read the CIB: ${reasonOf(cause)}`, {
      ...{ path, cause },
      remedy: "name a file that is there and that you may read; the CIB in use is for root alone",
    });
  });
  return parseCib(text, path);
}

/** What tells one version of a file from another without reading it; undefined when there is none. */
export function fileSignature(path: string): string | undefined {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch {
    return undefined;
  }
}

/** A CIB in memory: for simulations, and for tests. */
export function memoryCib(initial: XmlElement, now: () => number): CibStore {
  let cib = initial;
  return {
    read: () => Promise.resolve(cib),
    update(edit) {
      const after = edit(cib);
      cib = withNextVersion(cib, after, { at: now(), origin: "simulation", client: "simulation" });
      return Promise.resolve(cib);
    },
  };
}
