import { buffer, text } from "node:stream/consumers";
import { RehomeError } from "../../errors.js";
import type { Host } from "../types.js";

/** Reads a file through cat: no sftp server is needed, and sudo works. @throws RehomeError file-unreadable, connection-lost */
export async function readRemoteFile(start: Host["start"], machine: string, path: string): Promise<Buffer> {
  const process = await start(["cat", "--", path]);
  process.stdin.end();
  const [data, stderr, exitCode] = await Promise.all([buffer(process.stdout), text(process.stderr), process.exited]);
  if (exitCode === 0) return data;
  throw new RehomeError("file-unreadable", `cannot read: ${reason(stderr)}`, { machine, path });
}

/**
 * $1 path, $2 mode, $3 size in bytes. Input that was cut off by a broken connection looks like the end of it, so the
 * size is checked before the file is replaced. Old versions of sync take no files: they write everything.
 */
const REPLACE = `
set -e
[ ! -d "$1" ] || { echo "is a directory" >&2; exit 1; }
temporary=$1.rehome-$$.tmp
trap 'rm -f -- "$temporary"' EXIT
umask 077
set -C
cat > "$temporary"
[ "$(($(wc -c < "$temporary")))" -eq "$3" ] || { echo "only part of the data arrived" >&2; exit 1; }
chmod "$2" "$temporary"
sync "$temporary" || sync
mv -f -- "$temporary" "$1"
trap - EXIT
sync "$(dirname -- "$1")" || sync`;

/** Replaces a file at once, as Host.writeFile says. @throws RehomeError file-unwritable, connection-lost */
export async function writeRemoteFile(
  run: Host["run"],
  machine: string,
  path: string,
  data: string | Buffer,
  mode = 0o644,
): Promise<void> {
  const input = Buffer.from(data);
  const argv = [
    "sh",
    "-c",
    REPLACE,
    "sh",
    path.startsWith("-") ? `./${path}` : path,
    mode.toString(8),
    `${input.length}`,
  ];
  const result = await run(argv, { input });
  if (result.exitCode === 0) return;
  throw new RehomeError("file-unwritable", `cannot write: ${reason(result.stderr)}`, { machine, path });
}

function reason(stderr: string): string {
  const last = stderr.trim().split("\n").at(-1) ?? "";
  return last === "" ? "unknown reason" : last;
}
