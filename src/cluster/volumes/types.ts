/** The disk of a guest that a volume is for. */
export interface VolumeRequest {
  readonly path: string;
  readonly guest: string;
  /** The source's name for it. */
  readonly disk: string;
  readonly size: number;
}

/** Where guests' volumes are kept. Volumes that rehome did not make are never opened. */
export interface VolumeStore {
  /**
   * Opens a disk's volume, and makes it when there is none.
   * @throws RehomeError volume-foreign when something that rehome did not make is there, target-full, target-write-failed
   */
  open(request: VolumeRequest): Promise<Volume>;
  /** The mark of the volume at a path; undefined when rehome never made one there. */
  mark(path: string): Promise<VolumeMark | undefined>;
  /** Replaces the mark at once and durably. @throws RehomeError volume-missing */
  remark(path: string, mark: VolumeMark): Promise<void>;
  /** Has something done with what QEMU reads the volume by on the machine that rehome runs on; only for reading. */
  withImage<T>(path: string, work: (image: string) => Promise<T>): Promise<T>;
  /** Bytes that the volume takes of its store, and that are left there for it. */
  space(path: string): Promise<VolumeSpace>;
}

export interface VolumeSpace {
  readonly allocated: number;
  readonly free: number;
}

/** What a volume is known by; the digests of the block engine are bound to it. */
export interface VolumeMark {
  /** Given by rehome when it made the volume. */
  readonly uuid: string;
  readonly guest: string;
  readonly disk: string;
  readonly size: number;
  /** Why the volume is no longer a copy of the source, such as `converted`; undefined while it is one. */
  readonly diverged?: string | undefined;
}

/** A volume made by rehome, open for writing. */
export interface Volume {
  readonly path: string;
  readonly mark: VolumeMark;
  /** Whether it was made just now, so that all of it is proven zero. */
  readonly fresh: boolean;
  /** Whether it had no mark before it was opened now: nothing was ever staged to it. What it holds may still be anything. */
  readonly unmarked: boolean;
  /** Reads exactly `target.length` bytes. */
  read(target: Buffer, offset: number): Promise<void>;
  /**
   * The digest (src/lib/digest.ts) of every `unit` bytes from `offset` on, ZERO_MARK for zeros; computed where the volume
   * is. The last unit may be short. `unit` is 64 KiB at the most.
   */
  digests(offset: number, length: number, unit: number): Promise<Buffer>;
  /** Writes all of the buffers one after the other. @throws RehomeError target-full */
  write(buffers: readonly Buffer[], offset: number): Promise<void>;
  /** Makes a range read as zeros, without space where that is possible. */
  zero(offset: number, length: number): Promise<void>;
  /** All that was written is on the disk when this resolves (fdatasync). */
  flush(): Promise<void>;
  /** Opens it for reading past the page cache. */
  openReadBack(): Promise<VolumeReadBack>;
  close(): Promise<void>;
}

/** Reads what is really on the disk, to prove what was written. */
export interface VolumeReadBack {
  /** `direct`: O_DIRECT. `dropped-cache`: the cache was dropped first (the file system has no O_DIRECT). */
  readonly how: "direct" | "dropped-cache";
  /** As a volume's. */
  digests(offset: number, length: number, unit: number): Promise<Buffer>;
  close(): Promise<void>;
}
