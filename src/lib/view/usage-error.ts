import type { Errors } from "@oclif/core";
import { RehomeError } from "../errors.js";
import { nearest } from "../nearest.js";

/** The command whose line was wrong. */
export interface UsedCommand {
  /** As it is typed: `rehome cluster start`. */
  readonly name: string;
  /** Names of its flags, without dashes. */
  readonly flags: readonly string[];
}

/** What oclif's errors of the command line carry; it exports no classes for them. */
type ParseError = Errors.CLIError & {
  readonly flags?: readonly string[];
  readonly args?: readonly (string | { readonly name: string; readonly description?: string })[];
};

/** An error of oclif about flags and arguments, in our words. */
export function usageError(thrown: Errors.CLIError, command: UsedCommand): RehomeError {
  const { flags, args } = thrown as ParseError;
  const help = `${command.name} --help tells what it takes`;
  const usage = (message: string, remedy = help): RehomeError =>
    new RehomeError("usage", message, { remedy, cause: thrown });
  const [flag] = flags ?? [];
  if (flag !== undefined) return usage(`there is no flag ${flag}`, meantFlag(flag, command) ?? help);
  const [argument] = args ?? [];
  if (typeof argument === "string") return usage(`there is an argument too many: "${argument}"`);
  if (argument !== undefined) {
    const description = argument.description === undefined ? "" : ` (${argument.description})`;
    return usage(`the argument ${argument.name.toUpperCase()} is missing${description}`);
  }
  const text = thrown.message.split("\nSee more help with --help")[0] ?? thrown.message;
  const choice = /^Expected (?:(--\S+)=)?(.*) to be one of: (.*)$/s.exec(text);
  if (choice !== null) {
    const [, name, given = "", known = ""] = choice;
    const meant = nearest(given, known.split(", "));
    const remedy = `it may be ${known}${meant === undefined ? "" : `; did you mean "${meant}"?`}`;
    return usage(`"${given}" is nothing that ${name ?? "the argument"} can be`, remedy);
  }
  const valueless = /^Flag (--\S+) expects a value$/.exec(text);
  if (valueless !== null) return usage(`the flag ${valueless[1] ?? ""} needs a value`);
  return usage(plain(text));
}

function meantFlag(flag: string, { name, flags }: UsedCommand): string | undefined {
  const meant = nearest(flag.replace(/^-+/, "").replace(/=.*$/, ""), flags);
  return meant === undefined ? undefined : `did you mean --${meant}? ${name} --help lists all`;
}

/** oclif's sentences as ours: lower case, one line, no full stop. */
function plain(text: string): string {
  const lines = text.replace(/^The following errors? occurred:/, "").split("\n");
  const line = lines
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .join("; ");
  return `${line.charAt(0).toLowerCase()}${line.slice(1)}`.replace(/\.$/, "");
}
