import { RehomeError } from "../errors.js";
import { nearest } from "../nearest.js";

/**
 * What to say to a command that does not exist.
 * @param words as typed, flags left out: `cluster strat web1`
 * @param known all commands, as they are typed: `cluster start`
 */
export function unknownCommand(words: readonly string[], known: readonly string[]): RehomeError {
  const { path, rest } = follow(
    words,
    known.map((id) => id.split(" ")),
  );
  const typed = words.slice(0, path.length + 1);
  const meant = rest && [...path, rest].join(" ");
  const list = path.length === 0 ? "rehome --help" : `rehome ${path.join(" ")} --help`;
  return new RehomeError("usage", `there is no command "${typed.join(" ")}"`, {
    remedy: meant === undefined ? `${list} lists what there is` : `did you mean "rehome ${meant}"? ${list} lists all`,
  });
}

/** How far the words lead, and the word that was probably meant where they lead no further. */
function follow(
  words: readonly string[],
  known: readonly (readonly string[])[],
): { readonly path: readonly string[]; readonly rest: string | undefined } {
  for (let depth = 0; ; depth += 1) {
    const path = words.slice(0, depth);
    const below = known.filter((id) => path.every((word, index) => id[index] === word));
    const next = new Set(below.flatMap((id) => id[depth] ?? []));
    const word = words[depth];
    if (word !== undefined && next.has(word)) continue;
    return { path, rest: word === undefined ? undefined : nearest(word, next) };
  }
}
