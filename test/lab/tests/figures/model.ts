/** What the way of a guest to the cluster cost, as it is compared: times in ms, sizes in bytes. */

/** The parts of a downtime, in order. A guest's boot is none of them: it takes the same time whichever way it came. */
export const PARTS = ["shut down", "copy", "convert", "register"] as const;
export type Part = (typeof PARTS)[number];

/** From one moment to another, ms since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface PartSpan extends Span {
  readonly part: Part;
}

/** What the source's counters said at one moment. */
export interface Reading {
  readonly at: number;
  /** Read from the disk below its volumes. */
  readonly readBytes: number;
  /** Sent through its network card. */
  readonly sentBytes: number;
}

export type Traffic = Omit<Reading, "at">;

/** One way, measured. */
export interface Way {
  readonly name: string;
  /** Copying while the source ran. */
  readonly before: readonly Span[];
  /** While it was down. */
  readonly window: readonly PartSpan[];
}

/** What is shown of a way. */
export interface Figures {
  readonly name: string;
  readonly downtimeMs: number;
  readonly parts: Readonly<Record<Part, number>>;
  readonly inWindow: Traffic;
  readonly inAll: Traffic;
}

/** @param readings of the source's counters, oldest first, from before the way to after it */
export function figuresOf({ name, before, window }: Way, readings: readonly Reading[]): Figures {
  const sum = (spans: readonly Span[]): number => spans.reduce((ms, { from, to }) => ms + (to - from), 0);
  const ofPart = (part: Part): number => sum(window.filter((span) => span.part === part));
  return {
    name,
    downtimeMs: sum(window),
    parts: {
      "shut down": ofPart("shut down"),
      copy: ofPart("copy"),
      convert: ofPart("convert"),
      register: ofPart("register"),
    },
    inWindow: trafficIn(window, readings),
    inAll: trafficIn([...before, ...window], readings),
  };
}

/** Spans that touch are one, so that what lies between two readings counts once. */
function trafficIn(spans: readonly Span[], readings: readonly Reading[]): Traffic {
  let [readBytes, sentBytes] = [0, 0];
  for (const { from, to } of joined(spans)) {
    const first = readings.findLast(({ at }) => at <= from);
    const last = readings.find(({ at }) => at >= to);
    if (first === undefined || last === undefined) return { readBytes: Number.NaN, sentBytes: Number.NaN };
    readBytes += last.readBytes - first.readBytes;
    sentBytes += last.sentBytes - first.sentBytes;
  }
  return { readBytes, sentBytes };
}

/** A gap between two parts of a way that is shorter than two readings is none. */
const GAP_MS = 2000;

function joined(spans: readonly Span[]): readonly Span[] {
  const found: Span[] = [];
  for (const span of spans.toSorted((one, other) => one.from - other.from)) {
    const before = found.at(-1);
    if (before !== undefined && span.from - before.to < GAP_MS) {
      found[found.length - 1] = { from: before.from, to: Math.max(before.to, span.to) };
    } else found.push(span);
  }
  return found;
}

/** What each step of a cutover counts for; undefined for the guest's boot. */
const PART_OF: Readonly<Record<string, Part | undefined>> = {
  quiesce: "shut down",
  "final-pass": "copy",
  verify: "copy",
  convert: "convert",
  "write-conversion": "convert",
  "source-off": "register",
  register: "register",
  start: undefined,
  answers: undefined,
};

/** The window of a cutover. @param began when its downtime did @param shares of its downtime, in order */
export function windowOf(
  began: number,
  shares: readonly { readonly step: string; readonly ms: number }[],
): readonly PartSpan[] {
  const window: PartSpan[] = [];
  let from = began;
  for (const { step, ms } of shares) {
    if (!(step in PART_OF)) throw new Error(`it is not known what the step "${step}" of a cutover counts for`);
    const part = PART_OF[step];
    if (part !== undefined) window.push({ part, from, to: from + ms });
    from += ms;
  }
  return window;
}
