/** What one part of templates/inspect.sh printed. */
export interface Section {
  readonly lines: readonly string[];
  readonly status: number;
  readonly complaint: string;
}

export type Sections = ReadonlyMap<string, Section>;

/** Takes a note of something that could not be found out, and why. */
export type NoteUnknown = (what: string) => void;

/**
 * Splits the output of templates/inspect.sh by its marks. What a machine says of itself is data that nobody vouches
 * for: control characters, with which it could paint on the administrator's terminal, are replaced here, once for all.
 */
export function splitSections(stdout: string, stderr: string, mark: string): Sections {
  const complaints = parts(stderr, mark);
  return new Map(
    [...parts(stdout, mark)].map(([name, part]) => [
      name,
      { ...part, complaint: (complaints.get(name)?.lines ?? []).join("\n") },
    ]),
  );
}

function parts(output: string, mark: string): Map<string, { lines: readonly string[]; status: number }> {
  const found = new Map<string, { lines: readonly string[]; status: number }>();
  let open: { name: string; lines: string[] } | undefined;
  for (const line of output.split("\n")) {
    const words = line.split(" ");
    if (words[0] !== mark) open?.lines.push(harmless(line));
    else if (words[1] === "begin") open = { name: words[2] ?? "", lines: [] };
    else if (words[1] === "end" && open !== undefined) {
      found.set(open.name, { lines: open.lines.filter((text) => text !== ""), status: Number(words[3]) });
      open = undefined;
    }
  }
  return found;
}

/** Text without C0 and C1 control characters, except tabs. */
function harmless(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\uFFFD");
}

const EMPTY: Section = { lines: [], status: 127, complaint: "" };

export function section(sections: Sections, name: string): Section {
  return sections.get(name) ?? EMPTY;
}

/** Why a section says nothing, in a few words; undefined when it ended well. */
export function failureOf(found: Section, tool: string): string | undefined {
  if (found.status === 0) return undefined;
  if (found.status === 127) return `${tool} is not installed`;
  const reason = found.complaint.split("\n").find((line) => line.trim() !== "");
  return reason === undefined ? `${tool} ended with exit code ${found.status}` : `${tool}: ${reason.trim()}`;
}

/** One thing in a section: the words of its first line, and the lines `key value` after it. */
export interface SectionRecord {
  readonly words: readonly string[];
  /** The first value of a key. */
  value(key: string): string | undefined;
  values(key: string): readonly string[];
  readonly lines: readonly string[];
}

/** Groups lines into records, each beginning with a line whose first word is `header`. */
export function records(lines: readonly string[], header: string): readonly SectionRecord[] {
  const groups: string[][] = [];
  for (const line of lines) {
    if (line.startsWith(`${header} `)) groups.push([line]);
    else groups.at(-1)?.push(line);
  }
  return groups.map(([first = "", ...rest]) => recordOf(first.split(" ").slice(1), rest));
}

/** All lines of a section as one record. */
export function recordOf(words: readonly string[], lines: readonly string[]): SectionRecord {
  const values = (key: string) =>
    lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1).trim());
  return {
    words,
    lines,
    values,
    value: (key) => values(key).find((value) => value !== ""),
  };
}
