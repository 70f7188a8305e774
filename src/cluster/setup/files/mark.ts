/** What a file of ours says in its first line; a file without it is somebody else's and is left as it is. */
const MARK = "Written by rehome";

/** The first lines of a file of ours: comments, with the sign that its format has for them. */
export function header(what: string, sign = "#"): string {
  return `${sign} ${MARK}: ${what}\n${sign} From rehome.yaml; change it there and run: rehome cluster init\n`;
}

/** Whether a file was written by rehome. */
export function isOurs(content: string): boolean {
  return content.slice(0, 200).includes(MARK);
}
