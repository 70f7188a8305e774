/** How one of several programs ended that were run by one shell, and what it printed. */
export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Shell functions for a script whose first argument is a mark: `ask NAME PROGRAM…` runs a program, or a function, and
 * `finish` says that nothing is missing. Nobody who does not know the mark can print what looks like another answer.
 */
export const ASK = `mark=$1
shift
ask() {
  printf '\\n%s %s\\n' "$mark" "$1"
  shift
  { error=$("$@" 2>&1 >&3 3>&-); code=$?; } 3>&1
  printf '\\n%s ended %s\\n%s' "$mark" "$code" "$error"
}
finish() { printf '\\n%s end\\n' "$mark"; }`;

/**
 * What a script with {@link ASK} printed.
 * @param names of the questions, in their order
 * @returns undefined when it is anything but all the answers to them
 */
export function parseAnswers<Name extends string>(
  output: string,
  mark: string,
  names: readonly Name[],
): Readonly<Record<Name, Answer>> | undefined {
  const [before, ...parts] = output.split(`\n${mark} `);
  if (before !== "" || parts.pop() !== "end\n" || parts.length !== 2 * names.length) return undefined;
  const answers = names.flatMap((name, index) => {
    const [, asked, stdout = ""] = /^([\w-]+)\n([^]*)$/.exec(parts[2 * index] ?? "") ?? [];
    const [, code, stderr = ""] = /^ended (\d+)\n([^]*)$/.exec(parts[2 * index + 1] ?? "") ?? [];
    return asked === name && code !== undefined ? [[name, { exitCode: Number(code), stdout, stderr }] as const] : [];
  });
  if (answers.length !== names.length) return undefined;
  return Object.fromEntries(answers) as Record<Name, Answer>;
}
