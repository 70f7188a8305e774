import { parseArgs } from "node:util";

/** An option of a tool: its short letters, and whether it has a value. */
export interface ToolOption {
  readonly short?: string;
  readonly value?: true;
  /** May stand with or without a value: `--promotion`, `--promotion=RSC`, `-p RSC`. */
  readonly optional?: true;
}

export type Options = Readonly<Record<string, string | true>>;

/** Reads a tool's arguments as glib does. @throws Error in words for the caller of the tool */
export function toolOptions(argv: readonly string[], known: Readonly<Record<string, ToolOption>>): Options {
  const { values } = parseArgs({
    args: joinOptional(argv, known),
    allowPositionals: true,
    options: Object.fromEntries(
      Object.entries(known).map(([name, { short, value, optional }]) => [
        name,
        {
          type: value || optional ? ("string" as const) : ("boolean" as const),
          ...(short !== undefined && { short }),
        },
      ]),
    ),
  });
  return values as Options;
}

/** The value of an option that has one. */
export function text(options: Options, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = options[name];
    if (typeof value === "string") return value;
  }
  return undefined;
}

/** An option with an optional value gets one in any case: the next word, unless that is an option, or nothing. */
function joinOptional(argv: readonly string[], known: Readonly<Record<string, ToolOption>>): string[] {
  const optional = new Map<string, string>(
    Object.entries(known)
      .filter(([, option]) => option.optional)
      .flatMap(([name, { short }]) => [[`--${name}`, name] as const, [`-${short ?? ""}`, name] as const]),
  );
  const joined: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    const name = optional.get(word);
    const next = argv[index + 1];
    if (name === undefined) {
      joined.push(word);
    } else if (next === undefined || next.startsWith("-")) {
      joined.push(`--${name}=`);
    } else {
      joined.push(`--${name}=${next}`);
      index += 1;
    }
  }
  return joined;
}
