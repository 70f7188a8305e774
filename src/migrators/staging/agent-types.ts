import type { Host } from "../../lib/host/types.js";
import type { Hello } from "./protocol.js";
import type { Throttle } from "../../lib/throttle.js";
import type { AgentInfo } from "./types.js";

/** Takes the answers to one scan, in any order of chunks. */
export interface ScanSink {
  /** Chunks that are zeros on the source and not on the target. */
  zeros(first: number, count: number): void;
  /** A chunk that differs: what the source has. @returns the bitmap of blocks that are wanted */
  changed(chunk: number, digest: Buffer, blocks: Buffer): Promise<number>;
  /** Blocks of a chunk, one after the other, cut into any pieces. A promise is waited for before more is taken from the source. */
  data(chunk: number, bitmap: number, pieces: readonly Buffer[]): void | Promise<void>;
  /** A chunk that differs, when only comparing. */
  differs(chunk: number): void;
  /** So many bytes travelled for this scan. */
  travelled(bytes: number): void;
  /** What the target has in so many chunks from `first`. */
  own(first: number, count: number): Promise<Buffer>;
}

export interface ScanRequest {
  /** The disk's place in the list that the agent was opened with. */
  readonly disk: number;
  /** Number of the first chunk on the disk. */
  readonly first: number;
  readonly count: number;
  /** What the target has: a digest or ZERO_MARK a chunk, or zeros only. */
  readonly known: Buffer | "zeros";
  /** Only say which chunks differ. */
  readonly compare: boolean;
  readonly sink: ScanSink;
}

/** Takes blocks that were asked for by name. */
export interface BlockSink {
  /** The blocks of a chunk that are not zeros, of those that were asked for: one call for each chunk of which any were. */
  data(chunk: number, bitmap: number, pieces: readonly Buffer[]): void | Promise<void>;
  /** So many bytes travelled for this request. */
  travelled(bytes: number): void;
}

export interface BlocksRequest {
  /** The disk's place in the list that the agent was opened with. */
  readonly disk: number;
  /** Number of the first chunk on the disk. */
  readonly first: number;
  /** For each chunk from `first` on, one bit a block, the lowest is the first. */
  readonly bitmaps: readonly number[];
  readonly sink: BlockSink;
}

/** A reader on the source: reads disks there, and sends what the target does not have. */
export interface SourceAgent {
  readonly info: AgentInfo;
  readonly hello: Hello;
  /** Scans that it is worth to ask for at once. */
  readonly depth: number;
  /** Bytes that travelled so far in both directions. */
  wireBytes(): number;
  /**
   * Resolves when the sink has all answers.
   * @throws RehomeError connection-lost, source-read-failed, disk-missing, agent-failed
   */
  scan(request: ScanRequest): Promise<void>;
  /** Reads just these blocks, comparing nothing. Resolves and throws as `scan` does. */
  readBlocks(request: BlocksRequest): Promise<void>;
  /**
   * Closes all disks and opens these; `hello` tells of them from then on, as it did of the first ones. Only while nothing
   * else is asked for.
   * @throws RehomeError connection-lost, agent-failed
   */
  open(disks: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface OpenAgentOptions {
  readonly host: Host;
  readonly disks: readonly string[];
  readonly limit: Throttle;
  /** Interpreters to try, in this order. */
  readonly interpreters?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}
