/** What a volume is known by; the digests of the block engine are bound to it. */
export interface VolumeMark {
  /** Given by rehome when it made the volume. */
  readonly uuid: string;
  readonly guest: string;
  readonly disk: string;
  readonly size: number;
  /** Inode number and time of birth of the file, so that a file put in its place is noticed. */
  readonly inode: string;
  /** Why the volume is no longer a copy of the source, such as `converted`; undefined while it is one. */
  readonly diverged?: string | undefined;
}

/** A volume made by rehome, open for writing. Volumes that rehome did not make are never opened. */
export interface Volume {
  readonly path: string;
  readonly mark: VolumeMark;
  /** Whether it was made just now, so that all of it is proven zero. */
  readonly fresh: boolean;
  /** Reads exactly `target.length` bytes through the page cache. */
  read(target: Buffer, offset: number): Promise<void>;
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
  /** A buffer that `read` may be given: aligned as O_DIRECT wants it. */
  buffer(size: number): Buffer;
  /** Reads exactly `length` bytes into the front of a buffer made by `buffer`. */
  read(target: Buffer, offset: number, length: number): Promise<void>;
  close(): Promise<void>;
}
