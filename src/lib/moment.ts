import { RehomeError } from "./errors.js";

/** A moment that somebody named in local time. */
export interface Moment {
  /** ms since the epoch. */
  readonly at: number;
  /** What differs from what was written: the clocks go forward over it. */
  readonly note?: string;
}

interface Wall {
  readonly year: number;
  /** From 0, as Date counts them. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

const MINUTE_MS = 60_000;
/** By how much clocks are set back where they are; Lord Howe Island has the half hour. */
const REPEATS_MS = [0, 30 * MINUTE_MS, 60 * MINUTE_MS];
const LONGEST_GAP_MS = 24 * 60 * MINUTE_MS;

/**
 * Reads `02:30`, the next time that the clock shows this, or a date with it (ISO 8601): `2026-11-24T02:30`,
 * `2026-11-24 02:30`, with an offset such as `Z` or `+01:00` if wanted. Local time otherwise. A time that a night lacks,
 * because the clocks go forward over it, becomes the first one after.
 * @param now ms since the epoch
 * @throws RehomeError usage for what is none, and for a date that has passed
 */
export function parseMoment(text: string, now: number): Moment {
  const words = /^(?:(\d{4})-(\d\d)-(\d\d)[T ])?(\d\d?):(\d\d)(?::00)?(Z|[+-]\d\d:?\d\d)?$/.exec(text.trim());
  const [year = NaN, month = NaN, day = NaN, hour = NaN, minute = NaN] = (words ?? []).slice(1, 6).map(Number);
  const offset = words?.[6];
  if (words === null || hour > 23 || minute > 59) throw unreadable(text);
  const hasDate = words[1] !== undefined;
  if (!hasDate && offset !== undefined) throw unreadable(text);
  if (!hasDate) return nextTime(hour, minute, now);
  const wall: Wall = { year, month: month - 1, day, hour, minute };
  const utc = Date.UTC(wall.year, wall.month, wall.day, hour, minute);
  if (new Date(utc).getUTCDate() !== wall.day || new Date(utc).getUTCMonth() !== wall.month) throw unreadable(text);
  const moment = offset === undefined ? momentOf(wall, now) : { at: utc - offsetMs(offset) };
  if (moment.at > now) return moment;
  throw new RehomeError("usage", `${text} has passed`, {
    remedy: "name a moment to come, or only a time such as 02:30",
  });
}

/** `2026-11-24 02:30` in local time. */
export function formatMoment(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

function nextTime(hour: number, minute: number, now: number): Moment {
  const today = new Date(now);
  for (let ahead = 0; ; ahead += 1) {
    const date = new Date(today.getFullYear(), today.getMonth(), today.getDate() + ahead, 12);
    const wall = { year: date.getFullYear(), month: date.getMonth(), day: date.getDate(), hour, minute };
    const moment = momentOf(wall, now);
    if (moment.at > now) return moment;
  }
}

/** The first moment to come at which clocks show this; when none is left, the first at all. */
function momentOf(wall: Wall, now: number): Moment {
  const { year, month, day, hour, minute } = wall;
  const first = new Date(year, month, day, hour, minute).getTime();
  const shown = REPEATS_MS.map((repeat) => first + repeat).filter((at) => shows(at, wall));
  const at = shown.find((each) => each > now) ?? shown[0];
  if (at !== undefined) return { at };
  const after = afterGap(first);
  const clock = (time: number): string => formatMoment(time).slice(-5);
  const named = `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
  return { at: after, note: `the clocks go forward over ${named} in that night: ${clock(after)} instead` };
}

function shows(at: number, { day, hour, minute }: Wall): boolean {
  const date = new Date(at);
  return date.getDate() === day && date.getHours() === hour && date.getMinutes() === minute;
}

/** Date takes a time that there is not as so much later as the clocks go forward: the change is shortly before. */
function afterGap(later: number): number {
  const offset = new Date(later).getTimezoneOffset();
  let at = later;
  while (at > later - LONGEST_GAP_MS && new Date(at - MINUTE_MS).getTimezoneOffset() === offset) at -= MINUTE_MS;
  return at;
}

/** @param text `Z`, `+01:00` or `-0330` */
function offsetMs(text: string): number {
  if (text === "Z") return 0;
  const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.slice(-2))];
  return (text.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * MINUTE_MS;
}

function unreadable(text: string): RehomeError {
  return new RehomeError("usage", `"${text}" is no time`, {
    remedy: "write a time such as 02:30, or a date with it such as 2026-11-24T02:30",
  });
}
