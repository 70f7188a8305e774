import type { Volume } from "../../cluster/volumes/types.js";

/** Neighbouring writes are joined up to this size. */
const JOIN = 1024 * 1024;
/** Bytes that may be on their way to the volume before the source has to wait. */
const IN_FLIGHT = 16 * 1024 * 1024;

/** Writes to one region of a volume: joined, several at once, none before `before` has resolved. */
export class WriteQueue {
  /** Bytes written or zeroed so far, in blocks; punched ranges do not count. */
  writtenBytes = 0;
  private run: { readonly offset: number; readonly buffers: Buffer[]; length: number } | undefined;
  private begun: Promise<void> | undefined;
  private readonly working = new Set<Promise<void>>();
  private inFlight = 0;
  private failure: unknown;

  /** @param before runs once, when there is a first thing to write */
  constructor(
    private readonly volume: Volume,
    private readonly before: () => Promise<void>,
  ) {}

  write(data: Buffer, offset: number): void {
    this.writtenBytes += data.length;
    if (this.run && this.run.offset + this.run.length === offset && this.run.length < JOIN) {
      this.run.buffers.push(data);
      this.run.length += data.length;
      return;
    }
    this.flushRun();
    this.run = { offset, buffers: [data], length: data.length };
  }

  zero(offset: number, length: number): void {
    this.flushRun();
    this.start(0, () => this.volume.zero(offset, length));
  }

  /** Resolves when more may be written; undefined when that is now. @throws what a write threw */
  ready(): undefined | Promise<void> {
    if (this.failure !== undefined) return this.drain();
    return this.inFlight > IN_FLIGHT ? Promise.race(this.working) : undefined;
  }

  /** Resolves when all is written (not flushed). @throws what a write threw */
  async drain(): Promise<void> {
    this.flushRun();
    await Promise.all(this.working);
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- thrown as it was caught
    if (this.failure !== undefined) throw this.failure;
  }

  private flushRun(): void {
    const { run } = this;
    this.run = undefined;
    if (run) this.start(run.length, () => this.volume.write(run.buffers, run.offset));
  }

  private start(bytes: number, work: () => Promise<void>): void {
    if (this.failure !== undefined) return;
    this.inFlight += bytes;
    this.begun ??= this.before();
    const job = this.begun.then(work).catch((thrown: unknown) => {
      this.failure ??= thrown;
    });
    const settled = job.finally(() => {
      this.inFlight -= bytes;
      this.working.delete(settled);
    });
    this.working.add(settled);
  }
}
