import { wrap } from "../../lib/view/table.js";
import { movesText } from "../foresee.js";
import type { GuestChange } from "./types.js";

/** What a change is, in full, for somebody who decides whether to make it. */
export function changeLines({ difference, files, moves, notes }: GuestChange): readonly string[] {
  return [
    ...files.flatMap(({ machine, path, difference: text }) => [`${machine}: ${path}`, ...indented(text)]),
    ...(difference === "" ? [] : ["the cluster's configuration", ...indented(difference)]),
    ...movesText({ moves, dryRun: true, unsupported: [] }),
    ...notesLines({ notes }),
  ];
}

export function notesLines({ notes }: Pick<GuestChange, "notes">): readonly string[] {
  return notes.flatMap((note) => wrap(`note: ${note}`, 80));
}

function indented(text: string): readonly string[] {
  return text === ""
    ? []
    : text
        .trimEnd()
        .split("\n")
        .map((line) => `  ${line}`);
}
