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
