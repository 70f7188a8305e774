import { formatDuration, formatSize } from "../../src/lib/units.js";
import { table } from "../../src/lib/view/table.js";
import { CUTOVER_STEPS, downtimeOf } from "../../src/migrators/cutover/index.js";
import { guestStore, passesOf } from "../../src/migrators/guest-store.js";
import type { DowntimePart } from "../../src/migrators/staging/index.js";
import type { Pass } from "../../src/migrators/types.js";
import type { Outage } from "./client.js";
import { GUEST, stateFolder } from "./config.js";
import type { Move } from "./move.js";

/** Which steps of the cutover each part of the prediction is about. */
const STEPS_OF: Readonly<Record<DowntimePart["step"], readonly string[]>> = {
  shutdown: ["quiesce", "source-off"],
  scan: ["final-pass"],
  transfer: [],
  verify: ["verify"],
  convert: ["convert", "write-conversion"],
  define: ["register"],
  boot: ["start", "answers"],
};

/** The closing words: what each pass moved, what the downtime was made of, and what the client saw. */
export async function closingTables(work: string, move: Move, outage: Outage | undefined): Promise<readonly string[]> {
  const records = await guestStore(stateFolder(work), GUEST).records();
  return [
    ...passTable(passesOf(records)),
    "",
    ...downtimeTable(move, downtimeOf(records, CUTOVER_STEPS)),
    "",
    ...clientTable(outage),
  ];
}

function passTable(passes: readonly Pass[]): readonly string[] {
  const rows = passes.map((pass) => [
    `${pass.number}${pass.quiesced ? ", source at rest" : ""}`,
    pass.disk,
    pass.tracker,
    formatSize(pass.totalBytes),
    pass.readBytes === undefined ? "" : formatSize(pass.readBytes),
    formatSize(pass.zeroBytes),
    formatSize(pass.unchangedBytes),
    formatSize(pass.writtenBytes),
    formatSize(pass.wireBytes),
    formatDuration(pass.durationMs),
  ]);
  return table(["pass", "disk", "by", "size", "read", "zero", "unchanged", "written", "wire", "took"], rows, {
    right: [3, 4, 5, 6, 7, 8, 9],
  });
}

function downtimeTable(move: Move, measured: ReturnType<typeof downtimeOf>): readonly string[] {
  const spent = (steps: readonly string[]): number =>
    measured.shares.filter(({ step }) => steps.includes(step)).reduce((sum, { ms }) => sum + ms, 0);
  const rows = move.predicted.parts.map((part) => [
    part.step === "scan" ? "scan and transfer" : part.step,
    formatDuration(part.step === "scan" ? part.ms + partMs(move, "transfer") : part.ms),
    part.basis,
    formatDuration(spent(STEPS_OF[part.step])),
  ]);
  return table(
    ["downtime", "predicted", "from", "measured"],
    [
      ...rows.filter(([name]) => name !== "transfer"),
      ["all", formatDuration(move.predicted.totalMs), "", formatDuration(measured.downtimeMs)],
    ],
    { right: [1, 3] },
  );
}

function partMs(move: Move, step: DowntimePart["step"]): number {
  return move.predicted.parts.find((part) => part.step === step)?.ms ?? 0;
}

function clientTable(outage: Outage | undefined): readonly string[] {
  if (outage === undefined) return ["the client saw no outage"];
  const time = (at: number): string => new Date(at).toISOString().slice(11, 23);
  return table(
    ["the client", "number", "at (UTC)"],
    [
      ["last answer of the source", `${outage.before.number}`, time(outage.before.at)],
      ["first answer of the guest", `${outage.after.number}`, time(outage.after.at)],
      ["outage that it saw", "", formatDuration(outage.durationMs)],
    ],
    { right: [1] },
  );
}
