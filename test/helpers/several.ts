import type { RunResult } from "../../src/lib/host/types.js";

/**
 * What a fake machine answers when it is asked several programs as one (src/lib/host/run-several.ts).
 * @returns undefined when it is asked just one
 */
export async function answerSeveral(
  argv: readonly string[],
  answer: (argv: readonly string[]) => Promise<RunResult>,
): Promise<RunResult | undefined> {
  if (argv[0] !== "sh" || argv[3] !== "several") return undefined;
  const [mark = "", ...words] = argv.slice(4);
  let stdout = "";
  while (words.length > 0) {
    const count = Number(words.shift());
    const result = await answer(words.splice(0, count));
    stdout += `${result.stdout}\n${mark} ${result.exitCode}\n${result.stderr}\n${mark}\n`;
  }
  return { argv, exitCode: 0, stdout, stderr: "" };
}
