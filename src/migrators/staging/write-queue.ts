import type { Volume } from "../../cluster/volumes/types.js";

/** Neighbouring writes are joined up to this size. */
const SLAB_SIZE = 1024 * 1024;
/** Writes on their way to the volume before the source has to wait. */
const IN_FLIGHT = 8;
/** Slabs that are kept for the next write. */
const KEPT = 64;

/**
 * What comes from the network is copied into few buffers that are used again and again: holding on to the many small
 * ones that it comes in makes the garbage collector take as much time as the copying itself.
 */
const spare: Buffer[] = [];

/** Writes that lie one after the other on the volume. */
interface Run {
  readonly offset: number;
  readonly slab: Buffer;
  length: number;
}

/** Writes to one region of a volume: joined, several at once, none before `before` has resolved. */
export class WriteQueue {
  /** Bytes written so far, zeros of blocks among them; ranges made zero do not count. */
  writtenBytes = 0;
  private run: Run | undefined;
  private begun: Promise<void> | undefined;
  private readonly working = new Set<Promise<void>>();
  private failure: unknown;

  /** @param before runs once, when there is a first thing to write */
  constructor(
    private readonly volume: Volume,
    private readonly before: () => Promise<void>,
  ) {}

  /**
   * Copies and writes up to SLAB_SIZE bytes.
   * @param pieces one after the other from `offset` on
   * @returns the copy, good until something waits
   */
  write(pieces: readonly Buffer[], offset: number): Buffer {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const run = this.runAt(offset, length);
    const start = run.length;
    for (const piece of pieces) run.length += piece.copy(run.slab, run.length);
    this.writtenBytes += length;
    return run.slab.subarray(start, run.length);
  }

  zero(offset: number, length: number): void {
    this.flushRun();
    this.start(() => this.volume.zero(offset, length));
  }

  /** Resolves when more may be written; undefined when that is now. @throws what a write threw */
  ready(): undefined | Promise<void> {
    if (this.failure !== undefined) return this.drain();
    return this.working.size >= IN_FLIGHT ? Promise.race(this.working) : undefined;
  }

  /** Resolves when all is written (not flushed). @throws what a write threw */
  async drain(): Promise<void> {
    this.flushRun();
    await Promise.all(this.working);
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- thrown as it was caught
    if (this.failure !== undefined) throw this.failure;
  }

  /** The run that a write of that length belongs to. */
  private runAt(offset: number, length: number): Run {
    const { run } = this;
    if (run && run.offset + run.length === offset && run.length + length <= SLAB_SIZE) return run;
    this.flushRun();
    const begun = { offset, slab: spare.pop() ?? Buffer.allocUnsafeSlow(SLAB_SIZE), length: 0 };
    this.run = begun;
    return begun;
  }

  private flushRun(): void {
    const { run } = this;
    this.run = undefined;
    if (run === undefined) return;
    this.start(async () => {
      try {
        await this.volume.write([run.slab.subarray(0, run.length)], run.offset);
      } finally {
        if (spare.length < KEPT) spare.push(run.slab);
      }
    });
  }

  private start(work: () => Promise<void>): void {
    if (this.failure !== undefined) return;
    this.begun ??= this.before();
    const job = this.begun.then(work).catch((thrown: unknown) => {
      this.failure ??= thrown;
    });
    const settled = job.finally(() => this.working.delete(settled));
    this.working.add(settled);
  }
}
