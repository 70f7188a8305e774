import { table } from "../../../../src/lib/view/table.js";
import { PARTS, type Figures } from "./model.js";

const MIB = 2 ** 20;
/** A downtime of rehome's is at most this share of a peer's. */
const TARGETS = { "cold copy": 1 / 5, "one delta": 1 / 2 } as const;
/** What a delta pass sends is at most so many times what changed. */
const DELTA_TARGET = 1.15;

/** What one delta pass of rehome's sent, and what had changed by then as somebody else counted it; bytes. */
export interface Delta {
  readonly changed: number;
  readonly sent: number;
}

/** The ways side by side, 80 columns wide: seconds, MiB. */
export function figuresTable(ways: readonly Figures[]): readonly string[] {
  const seconds = (ms: number): string => (ms / 1000).toFixed(0);
  const mebibytes = (bytes: number): string => (bytes / MIB).toFixed(1);
  const rows = ways.map(({ name, downtimeMs, parts, inWindow, inAll }) => [
    name,
    seconds(downtimeMs),
    ...PARTS.map((part) => seconds(parts[part])),
    ...[inWindow.readBytes, inAll.readBytes, inWindow.sentBytes, inAll.sentBytes].map(mebibytes),
  ]);
  const header = ["WAY", "DOWN", "SHUT", "COPY", "CONV", "REG", "READ", "IN ALL", "SENT", "IN ALL"];
  return table(header, rows, { right: header.map((_, column) => column).slice(1) });
}

/** Paragraphs. */
export const LEGEND: readonly string[] = [
  "DOWN: seconds from the order to shut down until the guest could be started; its boot is left out of all alike. " +
    "Of it SHUT: until the domain is gone; COPY: with it off, and with rehome also the reading back of what was sent; " +
    "CONV: until the copy is fit for KVM; REG: until the cluster has the guest, stopped. READ and SENT: MiB read from the " +
    "source's disk and sent by its network card, first while it was down, then in all of the way's copying.",
  "Machines are emulated: a login or a program's start takes seconds in each way, and disks are small for servers'.",
];

export interface Verdict {
  readonly text: string;
  readonly met: boolean;
}

/** Whether rehome's figures are as they are to be; what was not measured is not met. */
export function judge(ways: readonly Figures[], delta: Delta | undefined): readonly Verdict[] {
  const downtime = (wanted: string): number => ways.find(({ name }) => name === wanted)?.downtimeMs ?? Number.NaN;
  const verdict = (what: string, ratio: number, most: number): Verdict => {
    const met = ratio <= most;
    const said = Number.isNaN(ratio) ? "was not measured" : `is ${ratio.toFixed(2)} ×`;
    return { met, text: `${what} ${said}, at most ${most.toFixed(2)} ×: ${met ? "met" : "missed"}` };
  };
  return [
    ...Object.entries(TARGETS).map(([peer, most]) =>
      verdict(`rehome's downtime to that of the ${peer}`, downtime("rehome") / downtime(peer), most),
    ),
    verdict(
      "rehome's delta to what changed",
      delta === undefined ? Number.NaN : delta.sent / delta.changed,
      DELTA_TARGET,
    ),
  ];
}
