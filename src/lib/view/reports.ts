import { printable } from "../printable.js";
import type { Report } from "../report.js";
import { linesReport } from "./lines-report.js";
import { terminalReport } from "./terminal-report.js";

/** How progress is shown: a live task list, or plain lines. */
export type ReportKind = "terminal" | "lines";

export type ClosableReport = Report & { close(): void };

/** Progress goes to standard error, so that results can be piped. */
export function createReport(kind: ReportKind, out: NodeJS.WriteStream = process.stderr): ClosableReport {
  const report = kind === "terminal" ? terminalReport(out) : linesReport((line) => out.write(`${line}\n`));
  return {
    begin: (task) => report.begin({ ...task, title: printable(task.title) }),
    progress: (id, progress) => report.progress(id, progress),
    end: (id, outcome) => report.end(id, { ...outcome, ...(outcome.detail && { detail: printable(outcome.detail) }) }),
    note: (note) => report.note({ ...note, text: printable(note.text) }),
    close: () => report.close(),
  };
}
