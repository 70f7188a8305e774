/** What moves the cursor to another line, in terms of ECMA-48: what follows stands on a line of its own. */
const CURSOR_MOVES = /\x1b\[[0-9;]*[ABEFHfJ]/g;
const ESCAPES = /\x1b(?:\[[0-9;?]*[A-Za-z]|[()][0-9A-Za-z]|[=>78cM])/g;

/**
 * What a machine wrote to its console as plain text: nothing is left that would act on the terminal that shows it. What
 * is on a console anybody may have written.
 */
export function plainConsole(text: string): string {
  return text
    .replace(CURSOR_MOVES, "\n")
    .replace(ESCAPES, "")
    .replace(/[^\n\x20-\x7e]/g, "");
}

/** The last lines of a console that say something. */
export function consoleTail(text: string, lines: number): string {
  return plainConsole(text)
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "")
    .slice(-lines)
    .join("\n");
}
