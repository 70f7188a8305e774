/** A file or folder of an archive; the path has no slash at its front. */
export interface CpioEntry {
  readonly path: string;
  /** Undefined for a folder. */
  readonly content: Buffer | undefined;
  readonly executable?: boolean;
}

const HEADER = 110;
const TRAILER = "TRAILER!!!";

/**
 * A cpio archive in the "newc" format, the one that the kernel unpacks
 * (https://docs.kernel.org/driver-api/early-userspace/buffer-format.html): 110 bytes of hexadecimal fields, the name with
 * a NUL, the content; name and content padded to four bytes.
 */
export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.map((entry, index) => {
    const mode = entry.content === undefined ? 0o040755 : entry.executable === true ? 0o100755 : 0o100644;
    return member(entry.path, mode, index + 1, entry.content ?? Buffer.alloc(0));
  });
  return Buffer.concat([...parts, member(TRAILER, 0, 0, Buffer.alloc(0))]);
}

function member(path: string, mode: number, inode: number, content: Buffer): Buffer {
  const name = Buffer.from(`${path}\0`);
  const links = (mode & 0o040000) === 0 ? 1 : 2;
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`);
  return Buffer.concat([pad(Buffer.concat([header, name]), 4), pad(content, 4)]);
}

/** Zeros after the data up to a multiple of `unit` bytes. */
function pad(data: Buffer, unit: number): Buffer {
  return Buffer.concat([data, Buffer.alloc((unit - (data.length % unit)) % unit)]);
}

/** Where a member ends, from its header; and whether it is the archive's last. Undefined when this is no header. */
export function readMember(header: Buffer): { readonly size: number; readonly last: boolean } | undefined {
  if (!/^07070[12]/.test(header.toString("latin1", 0, 6)) || header.length < HEADER) return undefined;
  const field = (index: number): number => parseInt(header.toString("latin1", 6 + index * 8, 14 + index * 8), 16);
  const nameSize = field(11);
  const size = up(HEADER + nameSize) + up(field(6));
  if (!Number.isSafeInteger(size)) return undefined;
  return { size, last: header.toString("latin1", HEADER, HEADER + TRAILER.length) === TRAILER };
}

function up(size: number): number {
  return Math.ceil(size / 4) * 4;
}
