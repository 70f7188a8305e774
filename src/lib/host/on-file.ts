import { RehomeError } from "../errors.js";
import type { Host, RunOptions, RunResult } from "./types.js";

/** Of the script: there is no file, and so nothing was run. */
const NO_FILE = 125;

/** $1… the program; what comes on standard input is in a file of its own as long as it runs, whose path is put last. */
const ON_FILE = `folder=$(mktemp -d) || exit ${NO_FILE}
trap 'rm -rf -- "$folder"' EXIT
cat > "$folder/input" || exit ${NO_FILE}
"$@" "$folder/input"`;

/**
 * Runs a program that wants its input in a file, the path as its last word; not every program can open /dev/stdin. Only
 * root can read the file, and it is gone afterwards.
 * @throws RehomeError file-unwritable, and as Host.run
 */
export async function runOnFile(
  host: Host,
  argv: readonly string[],
  content: string,
  options: Omit<RunOptions, "input"> = {},
): Promise<RunResult> {
  const result = await host.run(["sh", "-c", ON_FILE, "sh", ...argv], { ...options, input: content });
  if (result.exitCode !== NO_FILE) return { ...result, argv };
  throw new RehomeError("file-unwritable", `cannot write for ${argv[0] ?? ""}: ${result.stderr.trim()}`, {
    machine: host.name,
    remedy: "see that there is room below /tmp",
  });
}
