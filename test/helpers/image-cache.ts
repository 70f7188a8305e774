import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { RehomeError } from "../../src/lib/errors.js";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";
import { acquireLock, type Lock } from "../../src/lib/lock.js";
import { cacheFolder } from "./cache.js";

/** For another process that builds the same. */
const WAIT_MS = 20 * 60_000;
const UNUSED_MS = 24 * 60 * 60_000;

/**
 * The folder of an image in the cache. When it is not there it is built in a folder beside it, which is then renamed:
 * what is in the cache is whole. Whoever else wants the same meanwhile waits.
 * @param name unique for the content, so with a hash of the recipe
 * @param build fills the folder that it is given
 * @throws RehomeError file-unwritable when it must be built by somebody who is not root
 */
export async function cachedImage(name: string, build: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder(), "images", name);
  if (await markUsed(folder)) return folder;
  requireRoot(folder);
  const lock = await waitForLock(`${folder}.lock`);
  try {
    if (!(await exists(folder))) await buildBeside(folder, build);
  } finally {
    await lock.release();
  }
  return folder;
}

async function buildBeside(folder: string, build: (folder: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  await removeUnfinished(folder);
  const work = await mkdtemp(`${folder}.building-`);
  try {
    await build(work);
    await handToInvoker(work);
    await rename(work, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function requireRoot(folder: string): void {
  if (process.getuid?.() !== 0) {
    throw new RehomeError("file-unwritable", "only root can build the image", {
      path: folder,
      remedy: "run npm run demo once, which builds it with sudo",
    });
  }
}

/** What builds left that were killed; nobody else builds, because the caller holds the lock. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(dirname(folder))) {
    if (name.startsWith(`${basename(folder)}.building-`)) {
      await rm(join(dirname(folder), name), { recursive: true, force: true });
    }
  }
}

/** Under sudo the cache is the invoking user's. */
async function handToInvoker(folder: string): Promise<void> {
  const [uid, gid] = [Number(process.env["SUDO_UID"]), Number(process.env["SUDO_GID"])];
  if (Number.isNaN(uid) || Number.isNaN(gid)) return;
  await runChecked(localHost(), ["chown", "-R", `${uid}:${gid}`, folder]);
}

async function waitForLock(path: string): Promise<Lock> {
  const until = Date.now() + WAIT_MS;
  for (;;) {
    try {
      return await acquireLock(path, "building an image");
    } catch (error) {
      if (!(error instanceof RehomeError) || error.code !== "locked" || Date.now() > until) throw error;
    }
  }
}

/**
 * Removes from the cache what nobody has asked for within a day, of the images whose names begin so and go on with a hash:
 * those of earlier recipes. Only for images that are copied from, and never the backing of somebody's disk.
 */
export async function pruneImages(prefix: string): Promise<void> {
  const images = join(cacheFolder(), "images");
  for (const name of await readdir(images)) {
    if (!name.startsWith(prefix) || !/^[0-9a-f]{16}$/.test(name.slice(prefix.length))) continue;
    const folder = join(images, name);
    const { mtimeMs } = await stat(folder);
    if (Date.now() - mtimeMs < UNUSED_MS) continue;
    await rm(folder, { recursive: true, force: true });
    await rm(`${folder}.lock`, { force: true });
  }
}

/** The time of a folder of the cache is when it was last asked for. @returns whether it is there */
async function markUsed(folder: string): Promise<boolean> {
  const now = new Date();
  return utimes(folder, now, now).then(
    () => true,
    (error: unknown) => {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return false;
      if (["EPERM", "EACCES", "EROFS"].includes(code)) return true; // somebody else's
      throw error;
    },
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
