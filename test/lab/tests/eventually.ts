import { delay } from "../../../src/lib/delay.js";

const POLL_MS = 1000;

/** Checks again and again until it holds. @throws what the last check threw, once the limit is reached */
export async function eventually(limitMs: number, check: () => Promise<void> | void): Promise<void> {
  const until = Date.now() + limitMs;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
    }
    await delay(POLL_MS);
  }
}
