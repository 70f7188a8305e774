import { asRehomeError, RehomeError } from "../../lib/errors.js";

/** One guest's place among several that are cut over in one run. */
export interface Turn {
  /** Until the guest begins: aborted when it is not to begin any more. */
  readonly signal: AbortSignal;
  /** Says that nothing known stands in the way. No guest begins before all have said so, or failed. */
  ready(): void;
  /** For what is done while a time is waited for: no more of it at once than guests. */
  share<T>(work: () => Promise<T>): Promise<T>;
  /** Begins, once the guests before this one have begun and there is room for one more. */
  take<T>(work: () => Promise<T>): Promise<T>;
}

export interface QueueOptions {
  /** Guests that are under way at once, at the most. */
  readonly parallel: number;
  /** Whether the failure of one leaves the others alone; else those that have not begun do not begin any more. */
  readonly keepGoing: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What became of one of them. */
export type Outcome<R> =
  | { readonly guest: string; readonly state: "done"; readonly result: R }
  | { readonly guest: string; readonly state: "failed"; readonly error: RehomeError }
  | { readonly guest: string; readonly state: "not-begun" };

/**
 * Works on several guests, which begin in their order. What fails is an outcome, never thrown.
 * @returns outcomes in the order of the guests
 */
export function inTurn<R>(
  guests: readonly string[],
  options: QueueOptions,
  work: (guest: string, turn: Turn) => Promise<R>,
): Promise<readonly Outcome<R>[]> {
  const queue = new Queue(guests.length, options);
  return Promise.all(
    guests.map(async (guest, index): Promise<Outcome<R>> => {
      try {
        return { guest, state: "done", result: await work(guest, queue.turn(index)) };
      } catch (thrown) {
        const error = asRehomeError(thrown);
        if (error.code === "cancelled" && !queue.hasBegun(index)) return { guest, state: "not-begun" };
        queue.failed();
        return { guest, state: "failed", error };
      } finally {
        queue.end(index);
      }
    }),
  );
}

type State = "arriving" | "ready" | "begun" | "ended";

class Queue {
  private readonly states: State[];
  /** Those that ask for their turn, by index. */
  private readonly asking = new Map<number, () => void>();
  private readonly begun = new Set<number>();
  private readonly stop = new AbortController();
  private sharing = 0;
  private readonly sharers: (() => void)[] = [];

  constructor(
    count: number,
    private readonly options: QueueOptions,
  ) {
    this.states = Array.from({ length: count }, () => "arriving");
  }

  turn(index: number): Turn {
    const { signal: outer } = this.options;
    const signal = outer === undefined ? this.stop.signal : AbortSignal.any([outer, this.stop.signal]);
    return {
      signal,
      ready: () => {
        this.states[index] = "ready";
        this.advance();
      },
      share: (work) => this.share(work),
      take: async (work) => {
        await this.asked(index, signal);
        try {
          return await work();
        } catch (thrown) {
          this.failed(); // before the place is given to the next one
          throw thrown;
        } finally {
          this.end(index);
        }
      },
    };
  }

  hasBegun(index: number): boolean {
    return this.begun.has(index);
  }

  failed(): void {
    if (this.options.keepGoing || this.stop.signal.aborted) return;
    this.stop.abort(new RehomeError("cancelled", "another guest failed"));
  }

  end(index: number): void {
    this.states[index] = "ended";
    this.asking.delete(index);
    this.advance();
  }

  private asked(index: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const give = (): void => {
        reject(signal.reason as Error);
      };
      if (signal.aborted) {
        give();
        return;
      }
      signal.addEventListener("abort", give, { once: true });
      this.asking.set(index, () => {
        signal.removeEventListener("abort", give);
        resolve();
      });
      queueMicrotask(() => this.advance()); // once this one waits too, so that all are resumed in their order
    });
  }

  private advance(): void {
    if (this.states.includes("arriving") || this.stop.signal.aborted) return;
    for (const [index, state] of this.states.entries()) {
      if (state !== "ready") continue;
      const begin = this.asking.get(index);
      const running = this.states.filter((each) => each === "begun").length;
      if (begin === undefined || running >= this.options.parallel) return;
      this.asking.delete(index);
      this.states[index] = "begun";
      this.begun.add(index);
      begin();
    }
  }

  private async share<T>(work: () => Promise<T>): Promise<T> {
    if (this.sharing >= this.options.parallel) await new Promise<void>((resolve) => this.sharers.push(resolve));
    else this.sharing += 1;
    try {
      return await work();
    } finally {
      const next = this.sharers.shift();
      if (next === undefined) this.sharing -= 1;
      else next(); // which takes over this place
    }
  }
}
