import type { Step } from "./types.js";

/** A step in a few words: `write /etc/hosts`, `run vgcreate vg_guests /dev/sdb`. */
export function stepText(step: Step): string {
  switch (step.kind) {
    case "file":
      return `write ${step.path}`;
    case "command":
      return `run ${commandText(step.argv)}`;
    case "wait":
      return `wait until ${step.why}`;
    case "cib":
      return "configure the CIB";
  }
}

/** What fits a line of 80 columns with a machine's name before it and the time after it. */
const FITS = 50;

/** A step as it is shown while it is taken: a command that is too long for a line by what it is good for. */
export function stepTitle(step: Step): string {
  const text = stepText(step);
  return step.kind === "command" && text.length > FITS ? step.why : text;
}

/** A command line as a person would type it; of a script of several lines all of it, on one. */
function commandText(argv: readonly string[]): string {
  const [program, flag, script, , ...parameters] = argv;
  if (program !== "sh" || flag !== "-c" || script === undefined) return argv.map(quoted).join(" ");
  return script
    .split("\n")
    .join("; ")
    .replace(/"\$(\d)"/g, (_, number: string) => quoted(parameters[Number(number) - 1] ?? ""));
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
