import type { GuestFilesystem } from "../types.js";
import { readMember } from "./cpio.js";

/** How the main part of an initramfs is compressed, by its first bytes (the kernel's lib/decompress.c). */
const MAGIC = [
  ["gzip", "1f8b"],
  ["zstd", "28b52ffd"],
  ["xz", "fd377a58"],
  ["bzip2", "425a68"],
  ["lzma", "5d0000"],
  ["lz4", "02214c18"],
  ["lzo", "894c5a4f"],
] as const;

export type InitramfsFormat = (typeof MAGIC)[number][0] | "none" | "unknown";

const WINDOW = 4096;
/** A microcode archive has about ten members; an archive with more than this is the main part itself. */
const MEMBERS = 200;

/**
 * How the last part of an initramfs is compressed. Before it there may be uncompressed archives with microcode, and
 * zeros between them.
 */
export async function initramfsFormat(files: GuestFilesystem, path: string): Promise<InitramfsFormat> {
  const size = (await files.stat(path))?.size ?? 0;
  let offset = 0;
  for (let count = 0; count < MEMBERS && offset < size; count += 1) {
    const bytes = await files.readPart(path, offset, WINDOW);
    const zeros = bytes.findIndex((byte) => byte !== 0);
    if (zeros !== 0) {
      offset += zeros === -1 ? Math.max(bytes.length, 1) : zeros;
      continue;
    }
    const member = readMember(bytes);
    if (member === undefined)
      return MAGIC.find(([, magic]) => bytes.toString("hex").startsWith(magic))?.[0] ?? "unknown";
    offset += member.size;
  }
  return "none";
}
