import { silentReport, type Report } from "../report.js";
import { linesReport } from "./lines-report.js";
import { terminalReport } from "./terminal-report.js";

/** How progress is shown: a live task list, plain lines, or not at all. */
export type ReportKind = "terminal" | "lines" | "silent";

export type ClosableReport = Report & { close(): void };

/** Progress goes to standard error, so that results can be piped. */
export function createReport(kind: ReportKind, out: NodeJS.WriteStream = process.stderr): ClosableReport {
  if (kind === "terminal") return terminalReport(out);
  if (kind === "lines") return linesReport((line) => out.write(`${line}\n`));
  return { ...silentReport, close: () => undefined };
}
