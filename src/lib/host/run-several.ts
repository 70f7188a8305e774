import { randomUUID } from "node:crypto";
import { RehomeError } from "../errors.js";
import { commandFailed } from "./run.js";
import type { Host, RunOptions, RunResult } from "./types.js";

/**
 * Arguments: a mark, then for each program the number of its words, and these. What a program prints is followed by a line
 * with the mark and its exit code, what it said on standard error, and a line with the mark.
 */
const SEVERAL = `mark=$1
shift
exec 3>&1
while [ $# -gt 0 ]; do
  count=$1
  shift
  words=
  place=1
  while [ "$place" -le "$count" ]; do
    words="$words \\"\\\${$place}\\""
    place=$((place + 1))
  done
  errors=$(eval "$words" 2>&1 >&3 3>&- </dev/null)
  code=$?
  shift "$count"
  printf '\\n%s %s\\n%s\\n%s\\n' "$mark" "$code" "$errors" "$mark"
done`;

/**
 * Runs programs one after the other, whatever becomes of each, as one: to start a program on a machine far away takes
 * longer than what most of them do.
 * @returns how each of them ended, as Host.run tells it
 * @throws RehomeError output-unreadable, and as Host.run
 */
export async function runSeveral<const P extends readonly (readonly string[])[]>(
  host: Host,
  programs: P,
  options?: Omit<RunOptions, "input">,
): Promise<{ readonly [K in keyof P]: RunResult }> {
  if (programs.length === 0) return [] as { readonly [K in keyof P]: RunResult };
  const mark = randomUUID(); // nothing that a program prints can be taken for it
  const words = programs.flatMap((argv) => [String(argv.length), ...argv]);
  const result = await host.run(["sh", "-c", SEVERAL, "several", mark, ...words], options);
  if (result.exitCode !== 0) throw commandFailed(host, result);
  const results = resultsIn(result.stdout, mark, programs);
  if (results === undefined) {
    const what = programs.map(([program]) => program).join(", ");
    throw new RehomeError("output-unreadable", `what was printed by ${what} is not complete`, {
      machine: host.name,
      remedy: "run the same command again",
    });
  }
  return results as { readonly [K in keyof P]: RunResult };
}

/** Undefined unless there is all of every program, and nothing else. */
function resultsIn(
  text: string,
  mark: string,
  programs: readonly (readonly string[])[],
): readonly RunResult[] | undefined {
  const results: RunResult[] = [];
  let rest = text;
  for (const argv of programs) {
    const [stdout, ended] = splitOnce(rest, `\n${mark} `);
    const [code, after] = splitOnce(ended, "\n");
    const [stderr, left] = splitOnce(after, `\n${mark}\n`);
    if (left === undefined || !/^\d{1,3}$/.test(code)) return undefined;
    results.push({ argv, exitCode: Number(code), stdout, stderr });
    rest = left;
  }
  return rest === "" ? results : undefined;
}

/** What comes before a separator and what after it; the latter is undefined where it is not to be found. */
function splitOnce(text: string | undefined, separator: string): readonly [string, string | undefined] {
  const at = text?.indexOf(separator) ?? -1;
  return text === undefined || at === -1 ? ["", undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
