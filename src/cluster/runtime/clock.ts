import type { Clock } from "./types.js";

/** setTimeout's limit: longer waits are cut, the caller looks again. */
const LONGEST_MS = 2 ** 31 - 1;

export const realClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), LONGEST_MS));
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A clock that stands still until it is told to go on. */
export interface VirtualClock extends Clock {
  /** Lets time pass up to a moment of the even time, running what falls due in its order and waiting for what that sets off. */
  advanceTo(time: number): Promise<void>;
  /** When the next callback is due, of the even time. */
  next(): number | undefined;
  /** Sets the time of day to another one, as an administrator or NTP does. Nothing falls due by that. */
  set(time: number): void;
}

export function virtualClock(start: number): VirtualClock {
  interface Entry {
    readonly at: number;
    readonly order: number;
    readonly callback: () => void;
  }
  let now = start;
  /** What the time of day is ahead of the even one. */
  let ahead = 0;
  let count = 0;
  let entries: readonly Entry[] = [];
  const due = (): Entry | undefined =>
    entries.reduce<Entry | undefined>(
      (first, entry) =>
        first === undefined || entry.at < first.at || (entry.at === first.at && entry.order < first.order)
          ? entry
          : first,
      undefined,
    );
  return {
    now: () => now + ahead,
    elapsed: () => now,
    next: () => due()?.at,
    set: (time) => void (ahead = time - now),
    after(ms, callback) {
      const entry = { at: now + Math.max(ms, 0), order: (count += 1), callback };
      entries = [...entries, entry];
      return { cancel: () => void (entries = entries.filter((other) => other !== entry)) };
    },
    async advanceTo(time) {
      await settle();
      for (let entry = due(); entry !== undefined && entry.at <= time; entry = due()) {
        const reached = entry;
        entries = entries.filter((other) => other !== reached);
        now = reached.at;
        reached.callback();
        await settle();
      }
      now = time;
    },
  };
}

/** Until every promise that is ready has been followed up: there is no I/O in a simulation. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
