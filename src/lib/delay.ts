import { setTimeout } from "node:timers/promises";

/** Waits; rejects with the signal's reason when it is aborted meanwhile. */
export async function delay(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, signal && { signal });
  } catch (thrown) {
    throw signal?.aborted ? signal.reason : thrown;
  }
}
