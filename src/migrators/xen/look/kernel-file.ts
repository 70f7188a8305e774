import type { Host } from "../../../lib/host/types.js";

/** Place of the release's text in a bzImage, less 0x200 (Linux's Documentation/arch/x86/boot.rst, "kernel_version"). */
const MAGIC_AT = 0x202;
const VERSION_AT = 0x20e;

/** The release of a kernel that is a file on its host, from within the file; undefined when it does not tell. */
export async function kernelRelease(host: Host, path: string): Promise<string | undefined> {
  try {
    return releaseOf(await host.readFile(path));
  } catch {
    return undefined; // no such file any more: a domain that runs does not need it
  }
}

/** As `uname -r` prints it. */
export function releaseOf(image: Buffer): string | undefined {
  if (image.length < VERSION_AT + 2 || image.toString("latin1", MAGIC_AT, MAGIC_AT + 4) !== "HdrS") return undefined;
  const start = image.readUInt16LE(VERSION_AT) + 0x200;
  const [release] = image.toString("latin1", start, start + 200).split(/[\s\0]/);
  return release !== undefined && /^\d[\w.+~-]*$/.test(release) ? release : undefined;
}
