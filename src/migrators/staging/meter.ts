import type { Report, TaskProgress } from "../../lib/report.js";

/** Rates are over this many ms. */
const WINDOW_MS = 5000;

/** How far a task over some bytes is: total, rate and time left; reported as it grows. */
export class Meter {
  private readonly samples: { readonly at: number; readonly bytes: number }[] = [];
  private done = 0;

  constructor(
    private readonly report: Report,
    private readonly id: string,
    private readonly totalBytes: number,
    private readonly detail: () => string,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.samples.push({ at: now(), bytes: 0 });
  }

  get doneBytes(): number {
    return this.done;
  }

  add(bytes: number): void {
    this.done += bytes;
    this.report.progress(this.id, this.progress());
  }

  /** Bytes that were done before the task began; they do not count for the rate. */
  skip(bytes: number): void {
    this.done += bytes;
    for (const [index, sample] of this.samples.entries()) {
      this.samples[index] = { at: sample.at, bytes: sample.bytes + bytes };
    }
  }

  private progress(): TaskProgress {
    const at = this.now();
    const last = this.samples.at(-1);
    if (last === undefined || at - last.at > WINDOW_MS / 20) this.samples.push({ at, bytes: this.done });
    while (this.samples.length > 2 && at - (this.samples[1]?.at ?? at) > WINDOW_MS) this.samples.shift();
    const [oldest] = this.samples;
    const elapsed = at - (oldest?.at ?? at);
    const rate = elapsed > 0 ? ((this.done - (oldest?.bytes ?? 0)) / elapsed) * 1000 : 0;
    return {
      doneBytes: this.done,
      totalBytes: this.totalBytes,
      rate,
      ...(rate > 0 && { etaMs: ((this.totalBytes - this.done) / rate) * 1000 }),
      detail: this.detail(),
    };
  }
}
