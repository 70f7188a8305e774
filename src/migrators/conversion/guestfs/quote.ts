import { RehomeError } from "../../../lib/errors.js";

/** guestfish reads lines of up to 8192 bytes and takes what is beyond for another line. */
const LINE_LIMIT = 8000;

const PLAIN = /^[A-Za-z0-9_./+=,@%:-]+$/;

/** Bytes that an argument may have: four characters for each fit into a line, with room for the rest of it. */
export const ARGUMENT_LIMIT = 1800;

/**
 * One line of guestfish's language from a command and its arguments. Every argument is in double quotes with each byte
 * but letters, digits and a few marks as \xHH (guestfish(1), "escape sequences in double quoted arguments"), so that no
 * name inside a guest can end an argument or a line.
 * @throws RehomeError conversion-failed for a NUL byte, which no file name has, and for too long a line
 */
export function guestfishLine(command: string, args: readonly (string | Buffer)[]): string {
  const line = [command, ...args.map(quoteArgument)].join(" ");
  if (line.length <= LINE_LIMIT) return line;
  throw new RehomeError("conversion-failed", `a name of ${args.join(" ").length} bytes is too long for guestfish`);
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
