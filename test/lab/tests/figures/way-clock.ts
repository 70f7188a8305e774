import { formatDuration } from "../../../../src/lib/units.js";
import type { Meter } from "./meter.js";
import type { Part, PartSpan, Span, Way } from "./model.js";

/** Takes the times of a way as it is gone, and says what is done. */
export class WayClock {
  private readonly copying: Span[] = [];
  private window: PartSpan[] = [];
  readonly notes: string[] = [];

  constructor(
    private readonly name: string,
    private readonly meter: Meter,
    private readonly log: (line: string) => void,
  ) {}

  /** Does something with the source running that belongs to the way. */
  async before<T>(title: string, work: () => Promise<T>): Promise<T> {
    return this.timed(title, work, (span) => this.copying.push(span));
  }

  /** Does a part of the downtime. What is done between two parts does not count. */
  async part<T>(part: Part, work: () => Promise<T>): Promise<T> {
    return this.timed(part, work, (span) => this.window.push({ ...span, part }));
  }

  /** What somebody else took the times of: the end of what is done with the source running, and the downtime. */
  took(before: Span, window: readonly PartSpan[]): void {
    this.copying.push(before);
    this.window.push(...window);
  }

  /** Takes a part back, as if it had taken no time. */
  leaveOut(part: Part, why: string): void {
    this.window = this.window.filter((span) => span.part !== part);
    this.notes.push(`${this.name}: ${part} counts as 0 s: ${why}`);
  }

  get way(): Way {
    return { name: this.name, before: this.copying, window: this.window };
  }

  private async timed<T>(title: string, work: () => Promise<T>, note: (span: Span) => void): Promise<T> {
    this.log(`${this.name}: ${title}`);
    const from = Date.now();
    try {
      const result = await work();
      const to = Date.now();
      note({ from, to });
      this.log(`${this.name}: ${title}: ${formatDuration(to - from)}`);
      await this.meter.next();
      return result;
    } catch (thrown) {
      this.log(`${this.name}: ${title} failed after ${formatDuration(Date.now() - from)}`);
      throw thrown;
    }
  }
}
