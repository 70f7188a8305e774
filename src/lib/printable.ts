/** C0 without tab and line feed, DEL and C1; and what no XML may have. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufffe\uffff]/g;

/**
 * Text as anybody may show it, whoever wrote it: names and messages come from other machines and from guests, and what
 * would act on a terminal (move its cursor, set its title, answer for its user) becomes a question mark.
 */
export function printable(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(CONTROL, "?");
}
