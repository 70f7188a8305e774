import type { Readable } from "node:stream";
import type { Throttle } from "./throttle.js";

/** Bytes read ahead of whoever takes them; beyond that the sender has to wait. */
const READ_AHEAD = 2 * 1024 * 1024;

/** Takes a stream of bytes apart. */
export class ByteReader {
  private readonly pieces: Buffer[] = [];
  private buffered = 0;
  private ended = false;
  private failure: Error | undefined;
  private wake: (() => void) | undefined;
  private waitingForTokens = false;
  /** Bytes that came so far. */
  received = 0;

  constructor(
    private readonly stream: Readable,
    private readonly limit: Throttle,
  ) {
    stream.on("data", (data: Buffer) => this.push(data));
    stream.on("end", () => this.finish());
    stream.on("close", () => this.finish());
    stream.on("error", (error) => this.finish(error));
  }

  /** Exactly so many bytes; undefined when the stream ended before them. */
  async take(length: number): Promise<Buffer | undefined> {
    while (this.buffered < length) {
      if (this.failure) throw this.failure;
      if (this.ended) return undefined;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return this.cut(length);
  }

  /** Takes no more: whatever still comes is thrown away. */
  discard(): void {
    this.stream.destroy();
    this.finish();
  }

  /** A line without its end, as text; undefined when the stream ended before one. */
  async takeLine(): Promise<string | undefined> {
    const bytes: Buffer[] = [];
    for (;;) {
      const byte = await this.take(1);
      if (byte === undefined) return undefined;
      if (byte[0] === 10) return Buffer.concat(bytes).toString();
      bytes.push(byte);
    }
  }

  private cut(length: number): Buffer {
    this.buffered -= length;
    if (this.buffered < READ_AHEAD && !this.waitingForTokens) this.stream.resume();
    const [first] = this.pieces;
    if (first !== undefined && first.length >= length) {
      if (first.length === length) this.pieces.shift();
      else this.pieces[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    const whole = Buffer.allocUnsafe(length);
    let filled = 0;
    let used = 0;
    for (const piece of this.pieces) {
      const taken = Math.min(piece.length, length - filled);
      piece.copy(whole, filled, 0, taken);
      filled += taken;
      if (taken < piece.length) {
        this.pieces[used] = piece.subarray(taken);
        break;
      }
      used += 1;
      if (filled === length) break;
    }
    this.pieces.splice(0, used);
    return whole;
  }

  private push(data: Buffer): void {
    this.received += data.length;
    this.pieces.push(data);
    this.buffered += data.length;
    const waitMs = this.limit.take(data.length);
    if (waitMs > 0) {
      this.waitingForTokens = true;
      this.stream.pause();
      setTimeout(() => {
        this.waitingForTokens = false;
        if (this.buffered < READ_AHEAD) this.stream.resume();
      }, waitMs);
    } else if (this.buffered >= READ_AHEAD) {
      this.stream.pause();
    }
    this.wakeUp();
  }

  private finish(error?: Error): void {
    this.ended = true;
    this.failure ??= error;
    this.wakeUp();
  }

  private wakeUp(): void {
    this.wake?.();
    this.wake = undefined;
  }
}
