/** A token bucket: how many bytes may pass in a second, over everything that shares it. */
export interface Throttle {
  /** Takes that many bytes. @returns ms to wait before going on, 0 when there is no need */
  take(bytes: number): number;
}

/** The bucket holds this much of a second's bytes, so that short bursts are smoothed. */
const BURST_S = 0.25;

/** @param rate bytes a second; undefined: no limit */
export function throttle(rate: number | undefined, now: () => number = () => performance.now()): Throttle {
  if (rate === undefined) return { take: () => 0 };
  let tokens = rate * BURST_S;
  let last = now();
  return {
    take(bytes) {
      const time = now();
      tokens = Math.min(rate * BURST_S, tokens + ((time - last) / 1000) * rate);
      last = time;
      tokens -= bytes; // may go below zero: whoever comes next waits for that too
      return tokens >= 0 ? 0 : (-tokens / rate) * 1000;
    },
  };
}
