const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  msec: 1,
  us: 0.001,
  usec: 0.001,
  s: 1000,
  sec: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
};

/**
 * A time as Pacemaker writes it (`20`, `20s`, `1min`, `500ms`, or an ISO 8601 duration such as `PT1M`), in ms.
 * A bare number is seconds. Undefined when it is none of these.
 */
export function parseDuration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const plain = /^\s*(-?\d+(?:\.\d+)?)\s*([a-z]*)/i.exec(text);
  if (plain?.[1] !== undefined) {
    const unit = (plain[2] ?? "").toLowerCase();
    const factor = unit === "" ? 1000 : UNITS[unit];
    return factor === undefined ? undefined : Math.trunc(Number.parseInt(plain[1], 10) * factor);
  }
  return parseIsoDuration(text);
}

const DAY_MS = 86_400_000;
const ISO_UNITS: Readonly<Record<string, number>> = {
  Y: 365 * DAY_MS,
  W: 7 * DAY_MS,
  D: DAY_MS,
  H: 3_600_000,
  S: 1000,
};

/** Parts in any order; the T is only needed to tell minutes from months, so that `P10S` is ten seconds, too. */
function parseIsoDuration(text: string): number | undefined {
  if (!/^P(?:T|\d+[YMWDHS])+$/.test(text)) return undefined;
  const separator = text.includes("T") ? text.indexOf("T") : text.length;
  return [...text.matchAll(/(\d+)([YMWDHS])/g)]
    .map(({ 1: count, 2: unit = "", index }) => {
      const month = index < separator ? 30 * DAY_MS : 60_000;
      return Number(count) * (unit === "M" ? month : (ISO_UNITS[unit] ?? 0));
    })
    .reduce((sum, part) => sum + part, 0);
}

/** An interval of an operation in ms; what cannot be read is 0, as Pacemaker has it. */
export function parseInterval(text: string | undefined): number {
  return Math.max(0, parseDuration(text) ?? 0);
}
