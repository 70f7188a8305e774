import { RehomeError } from "../../../lib/errors.js";

const PLAIN = /^[A-Za-z0-9_./+=,@%:-]+$/;

/**
 * One line of guestfish's language from a command and its arguments. Every argument is in double quotes with each byte
 * but letters, digits and a few marks as \xHH (guestfish(1), "escape sequences in double quoted arguments"), so that no
 * name inside a guest can end an argument or a line.
 * @throws RehomeError conversion-failed for a NUL byte, which no file name has
 */
export function guestfishLine(command: string, args: readonly (string | Buffer)[]): string {
  return [command, ...args.map(quoteArgument)].join(" ");
}

function quoteArgument(argument: string | Buffer): string {
  let quoted = "";
  for (const byte of Buffer.from(argument)) {
    if (byte === 0) throw new RehomeError("conversion-failed", "an argument for guestfish has a NUL byte");
    const character = String.fromCharCode(byte);
    quoted += /[A-Za-z0-9_./=-]/.test(character) ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `"${quoted}"`;
}

/**
 * A list as one argument of guestfish, which splits it at spaces once more. Only plain words can be in it: rehome
 * makes such lists itself, and a name from a guest that is not plain is refused rather than guessed at.
 * @throws RehomeError conversion-failed
 */
export function guestfishList(words: readonly string[]): string {
  for (const word of words) {
    if (PLAIN.test(word)) continue;
    throw new RehomeError("conversion-failed", `${JSON.stringify(word)} cannot be given to a program in the guest`);
  }
  return words.join(" ");
}
