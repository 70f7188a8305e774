import { basename, join } from "node:path";
import { acquireLock } from "../../src/lib/lock.js";
import { cacheFolder } from "../helpers/cache.js";
import { worldFolder } from "./world/world.js";

/** Does what changes the lab of this checkout; one does so at a time. @throws RehomeError locked */
export async function changeLab<T>(purpose: string, change: () => Promise<T>): Promise<T> {
  const lock = await acquireLock(join(cacheFolder(), `${basename(worldFolder())}.lock`), purpose);
  try {
    return await change();
  } finally {
    await lock.release();
  }
}
