import type { Report } from "../report.js";
import { linesReport } from "./lines-report.js";
import { terminalReport } from "./terminal-report.js";

/** How progress is shown: a live task list, or plain lines. */
export type ReportKind = "terminal" | "lines";

export type ClosableReport = Report & { close(): void };

/** Progress goes to standard error, so that results can be piped. */
export function createReport(kind: ReportKind, out: NodeJS.WriteStream = process.stderr): ClosableReport {
  if (kind === "terminal") return terminalReport(out);
  return linesReport((line) => out.write(`${line}\n`));
}
