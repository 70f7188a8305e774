import type { XmlElement } from "../../../lib/xml.js";
import type { RuleContext } from "./rules.js";

/** Whether a `date_expression` is met at `context.now`: in_range, gt, lt, or date_spec. Times are UTC unless they say. */
export function dateExpressionHolds(expression: XmlElement, context: RuleContext): boolean {
  const { attributes, children } = expression;
  const operation = attributes["operation"] ?? "in_range";
  const start = attributes["start"] === undefined ? undefined : parseDate(attributes["start"]);
  const duration = children.find((child) => child.name === "duration");
  const end =
    attributes["end"] !== undefined
      ? parseDate(attributes["end"])
      : duration !== undefined && start !== undefined
        ? addDuration(start, duration)
        : undefined;
  const { now } = context;
  switch (operation) {
    case "date_spec":
    case "in_range": {
      const spec = children.find((child) => child.name === "date_spec");
      if (operation === "date_spec") return spec !== undefined && matchesSpec(spec, now);
      if (start !== undefined && now < start) {
        context.onChangeAt?.(start);
        return false;
      }
      if (end !== undefined && now > end) return false;
      if (end !== undefined) context.onChangeAt?.(end + 1000);
      return start !== undefined || end !== undefined;
    }
    case "gt":
      if (start === undefined) return false;
      if (now > start) return true;
      context.onChangeAt?.(start + 1000);
      return false;
    case "lt":
      if (end === undefined || now >= end) return false;
      context.onChangeAt?.(end);
      return true;
    default:
      return false;
  }
}

/** An ISO 8601 date (calendar, ordinal or week) with an optional time, in ms since the epoch. */
export function parseDate(text: string): number | undefined {
  const match = /^\s*([^T\s]+)(?:[T\s]+(.*))?$/.exec(text.trim());
  if (match === null) return undefined;
  const day = parseDay(match[1] ?? "");
  if (day === undefined) return undefined;
  return match[2] === undefined || match[2] === "" ? day : addTimeOfDay(day, match[2].trim());
}

function parseDay(text: string): number | undefined {
  const calendar = /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(text);
  if (calendar !== null) return Date.UTC(Number(calendar[1]), Number(calendar[2]) - 1, Number(calendar[3]));
  const ordinal = /^(\d{4})-?(\d{3})$/.exec(text);
  if (ordinal !== null) return Date.UTC(Number(ordinal[1]), 0, Number(ordinal[2]));
  const week = /^(\d{4})-?W(\d{2})(?:-?(\d))?$/.exec(text);
  if (week !== null)
    return mondayOfFirstWeek(Number(week[1])) + ((Number(week[2]) - 1) * 7 + Number(week[3] ?? 1) - 1) * DAY;
  const month = /^(\d{4})-(\d{2})$/.exec(text);
  return month === null ? undefined : Date.UTC(Number(month[1]), Number(month[2]) - 1, 1);
}

const DAY = 86_400_000;

function mondayOfFirstWeek(year: number): number {
  const fourth = Date.UTC(year, 0, 4);
  return fourth - ((new Date(fourth).getUTCDay() + 6) % 7) * DAY;
}

function addTimeOfDay(day: number, text: string): number | undefined {
  const match = /^(\d{2}):?(\d{2})?(?::?(\d{2})(?:[.,]\d+)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/.exec(text);
  if (match === null) return undefined;
  const [hours, minutes, seconds] = match.slice(1, 4).map((part: string | undefined) => Number(part ?? 0));
  const time = day + (((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
  const zone = /^([+-])(\d{2}):?(\d{2})?$/.exec(match[4] ?? "");
  if (zone === null) return time;
  const offset = (Number(zone[2]) * 60 + Number(zone[3] ?? 0)) * 60_000;
  return zone[1] === "+" ? time - offset : time + offset;
}

function addDuration(start: number, { attributes }: XmlElement): number {
  const value = (name: string): number => Number(attributes[name] ?? 0);
  const date = new Date(start);
  date.setUTCFullYear(date.getUTCFullYear() + value("years"), date.getUTCMonth() + value("months"));
  const days = value("weeks") * 7 + value("days") + value("monthdays");
  return date.getTime() + (((days * 24 + value("hours")) * 60 + value("minutes")) * 60 + value("seconds")) * 1000;
}

function matchesSpec({ attributes }: XmlElement, now: number): boolean {
  const date = new Date(now);
  const year = date.getUTCFullYear();
  const yearDay = Math.floor((now - Date.UTC(year, 0, 1)) / DAY) + 1;
  const weekDay = ((date.getUTCDay() + 6) % 7) + 1;
  const thursday = Math.floor(now / DAY) * DAY + (4 - weekDay) * DAY;
  const weekYear = new Date(thursday).getUTCFullYear();
  const values: Readonly<Record<string, number>> = {
    years: year,
    months: date.getUTCMonth() + 1,
    monthdays: date.getUTCDate(),
    hours: date.getUTCHours(),
    minutes: date.getUTCMinutes(),
    seconds: date.getUTCSeconds(),
    yeardays: yearDay,
    weekyears: weekYear,
    weeks: Math.floor((thursday - mondayOfFirstWeek(weekYear)) / (7 * DAY)) + 1,
    weekdays: weekDay,
  };
  return Object.entries(values).every(([name, value]) => {
    const range = attributes[name];
    return range === undefined || inRange(range, value);
  });
}

/** `5`, `1-5`, `1-` or `-5` */
function inRange(text: string, value: number): boolean {
  const match = /^(\d*)(-?)(\d*)$/.exec(text.trim());
  if (match === null) return false;
  const [low, dash, high] = match.slice(1);
  if (dash === "") return value === Number(low);
  return (low === "" || value >= Number(low)) && (high === "" || value <= Number(high));
}
