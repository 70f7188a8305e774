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
    const pieces = await this.takePieces(length);
    return pieces?.length === 1 ? pieces[0] : pieces && Buffer.concat(pieces);
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

  /** Exactly so many bytes as they came, in pieces and without a copy; undefined when the stream ended before them. */
  async takePieces(length: number): Promise<readonly Buffer[] | undefined> {
    if (this.buffered < length && !(await this.fill(length))) return undefined;
    return this.cut(length);
  }

  /** Waits for so many bytes. @returns whether they came */
  private async fill(length: number): Promise<boolean> {
    while (this.buffered < length) {
      if (this.failure) throw this.failure;
      if (this.ended) return false;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return true;
  }

  private cut(length: number): readonly Buffer[] {
    this.buffered -= length;
    if (this.buffered < READ_AHEAD && !this.waitingForTokens) this.stream.resume();
    const taken: Buffer[] = [];
    for (let missing = length; missing > 0;) {
      const [first] = this.pieces;
      if (first === undefined) break;
      if (first.length <= missing) this.pieces.shift();
      else this.pieces[0] = first.subarray(missing);
      const piece = first.length <= missing ? first : first.subarray(0, missing);
      taken.push(piece);
      missing -= piece.length;
    }
    return taken;
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
