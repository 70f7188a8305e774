import { loadConfig } from "../lib/config/load.js";
import { entryOf } from "../lib/entry-of.js";
import { cutoverBegan, guestStore, stateOf, undefinedHosts } from "./guest-store.js";

/**
 * Notes in the journal of a guest that was moved which hosts still have no definition of it. Nothing is noted of guests
 * that were not moved, or where that stays as it is.
 * @throws RehomeError config-invalid, journal-corrupt, locked
 */
export async function noteRegistered(configPath: string, guest: string, undefinedOn: readonly string[]): Promise<void> {
  const { guests, target } = await loadConfig(configPath);
  if (entryOf(guests, guest) === undefined) return;
  const store = guestStore(target.state, guest);
  const records = await store.records();
  if (!cutoverBegan(stateOf(records))) return;
  if (undefinedHosts(records).join() === undefinedOn.join()) return;
  const lock = await store.lock(`rehome cluster add ${guest}`);
  try {
    await store.append({ type: "registered", at: Date.now(), undefinedOn });
  } finally {
    await lock.release();
  }
}
