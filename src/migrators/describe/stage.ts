import { formatDuration, formatSize } from "../../lib/units.js";
import { table } from "../../lib/view/table.js";
import type { DowntimePart, StageResult } from "../staging/index.js";
import type { Pass } from "../types.js";

const STEPS: Readonly<Record<DowntimePart["step"], string>> = {
  shutdown: "bring the source to rest",
  scan: "read all of it a last time",
  transfer: "send what changed, beyond that",
  verify: "read it back",
  convert: "convert",
  define: "define and register",
  boot: "start, until it answers",
};

/** What staging did and what a cutover would take, as lines for people, 80 columns wide. */
export function describeStage(
  guest: string,
  { passes, stop, downtime, verified, agent }: StageResult,
): readonly string[] {
  const compared = verified.disks.reduce((sum, { comparedBytes }) => sum + comparedBytes, 0);
  const how = verified.disks.some(({ readBack }) => readBack !== "direct") ? "the page cache dropped" : "O_DIRECT";
  return [
    ...table(["PASS", "DISK", "ZERO", "UNCHANGED", "WRITTEN", "SENT", "READ", "TIME"], passes.map(passRow), {
      right: [0, 2, 3, 4, 5, 6, 7],
    }),
    "",
    `${guest} is staged; stopped because of ${stop.rule}: ${stop.text}`,
    `${formatSize(compared)} were read back (${how}) and are what was sent; read by ${agent.name}`,
    "",
    `predicted downtime, if cut over now: ${formatDuration(downtime.totalMs)}`,
    ...table(
      ["STEP", "TIME", "KNOWN FROM"],
      downtime.parts.map(({ step, ms, basis }) => [STEPS[step], formatDuration(ms), BASIS[basis]]),
      { indent: 2, right: [1] },
    ),
  ];
}

const BASIS: Readonly<Record<DowntimePart["basis"], string>> = {
  measured: "measured",
  derived: "the first pass: another pass tells better",
  default: "a default: nothing was measured yet",
};

function passRow(pass: Pass): readonly string[] {
  const share = (bytes: number): string => `${Math.round((bytes / pass.totalBytes) * 100)} %`;
  return [
    `${pass.number}`,
    pass.disk,
    share(pass.zeroBytes),
    share(pass.unchangedBytes),
    formatSize(pass.writtenBytes),
    formatSize(pass.wireBytes),
    formatSize(pass.readBytes ?? pass.totalBytes),
    formatDuration(pass.durationMs),
  ];
}
