import { RehomeError } from "../../errors.js";

/**
 * One argument of a command line for a POSIX shell: in single quotes nothing is special but the quote itself
 * (POSIX, Shell Command Language 2.2.2).
 * @throws RehomeError usage for what no argument can hold: NUL, and text that is no Unicode
 */
export function quote(word: string): string {
  if (word.includes("\0")) throw new RehomeError("usage", `an argument has a NUL character: ${JSON.stringify(word)}`);
  if (/\p{Surrogate}/u.test(word))
    throw new RehomeError("usage", `an argument is no valid text: ${JSON.stringify(word)}`);
  if (/^[A-Za-z0-9_/.,:=@%+-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** An argv as a command line; the only place where rehome makes one. */
export function commandLine(argv: readonly string[]): string {
  return argv.map(quote).join(" ");
}
