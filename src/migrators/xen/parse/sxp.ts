/** A list of xend's S-expressions: words, texts, and lists. */
export type Sxp = readonly (string | Sxp)[];

const DEEPEST = 50;

/** Reads S-expressions as xend prints them. @returns the lists, or undefined when it is something else */
export function parseSxp(text: string): readonly Sxp[] | undefined {
  const open: (string | Sxp)[][] = [[]];
  for (const [token] of text.matchAll(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[()]|[^\s()'"]+/g)) {
    if (token === "(") {
      open.push([]);
      if (open.length > DEEPEST) return undefined;
    } else if (token === ")") {
      const closed = open.pop();
      const parent = open.at(-1);
      if (closed === undefined || parent === undefined) return undefined;
      parent.push(closed);
    } else {
      open.at(-1)?.push(/^['"]/.test(token) ? token.slice(1, -1).replace(/\\(.)/g, "$1") : token);
    }
  }
  const [top] = open;
  if (top === undefined || open.length > 1) return undefined;
  return top.filter((entry): entry is Sxp => typeof entry !== "string");
}
