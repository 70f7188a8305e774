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

function parseIsoDuration(text: string): number | undefined {
  const iso = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(text);
  if (iso === null) return undefined;
  const [years, months, weeks, days, hours, minutes, seconds] = iso
    .slice(1)
    .map((part: string | undefined) => Number(part ?? 0));
  const dayCount = (years ?? 0) * 365 + (months ?? 0) * 30 + (weeks ?? 0) * 7 + (days ?? 0);
  return (((dayCount * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
}

/** An interval of an operation in ms; what cannot be read is 0, as Pacemaker has it. */
export function parseInterval(text: string | undefined): number {
  return Math.max(0, parseDuration(text) ?? 0);
}
