import { section, type NoteUnknown, type Sections } from "./sections.js";

/**
 * The machine's clock minus ours, in ms. It told the time when the script began and when it ended, both between our
 * `before` and `after`: the middle of what that leaves possible.
 */
export function parseClockSkew(sections: Sections, before: number, after: number, unknown: NoteUnknown): number {
  const first = timeOf(section(sections, "clock").lines[0]);
  const last = timeOf(section(sections, "clock-end").lines[0]);
  if (first === undefined || last === undefined) {
    unknown("clock: date does not tell the time");
    return 0;
  }
  return Math.round((first - before + (last - after)) / 2);
}

/** `1795371547 398774495` in ms; without nanoseconds (busybox) the middle of the second. */
function timeOf(line: string | undefined): number | undefined {
  const [seconds = "", nanoseconds = ""] = (line ?? "").split(" ");
  if (!/^\d+$/.test(seconds)) return undefined;
  return Number(seconds) * 1000 + (/^\d{9}$/.test(nanoseconds) ? Number(nanoseconds) / 1e6 : 500);
}
