import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, open, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** What is in a tiny guest: files by path; a value that begins with "-> " is a symbolic link. */
export type TinyTree = Readonly<Record<string, string | Buffer>>;

/** As much of a Debian as a conversion looks at. */
export const TINY_DEBIAN: TinyTree = {
  "/etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
  "/etc/fstab": "/dev/sda / ext4 errors=remount-ro 0 1\n",
  "/etc/default/grub": 'GRUB_CMDLINE_LINUX=""\n',
  "/boot/grub/grub.cfg": "menuentry 'x' {\n\tlinux /vmlinuz root=/dev/sda ro quiet\n}\n",
  "/lib/systemd/systemd": "",
};

export interface TinyOptions {
  /** Bytes. */
  readonly size?: number;
  /** Leave out what makes its first sector one of GRUB. */
  readonly withoutGrub?: true;
}

function isProgram(content: string | Buffer): boolean {
  const start = Buffer.from(content).toString("latin1", 0, 4);
  return start.startsWith("#!") || start === "\x7fELF";
}

/** A disk that is one ext4 file system with these files, made without mounting it. */
export async function tinyGuest(path: string, tree: TinyTree, options: TinyOptions = {}): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "rehome-tree-"));
  try {
    for (const [name, content] of Object.entries(tree)) {
      const file = join(root, name);
      await mkdir(dirname(file), { recursive: true });
      if (typeof content === "string" && content.startsWith("-> ")) await symlink(content.slice(3), file);
      else await writeFile(file, content, { mode: isProgram(content) ? 0o755 : 0o644 });
    }
    const kibibytes = Math.floor((options.size ?? 64 * 1024 * 1024) / 1024);
    execFileSync("mke2fs", ["-q", "-t", "ext4", "-m", "0", "-d", root, path, `${kibibytes}k`], {
      stdio: "pipe",
    });
  } finally {
    await rm(root, { recursive: true });
  }
  if (options.withoutGrub === true) return;
  const disk = await open(path, "r+"); // ext4 leaves the first 1024 bytes to boot loaders
  try {
    await disk.write(Buffer.from("GRUB"), 0, 4, 0x180);
    await disk.write(Buffer.from([0x55, 0xaa]), 0, 2, 510);
  } finally {
    await disk.close();
  }
}
