import { formatDuration } from "../units.js";
import type { TaskStart } from "../report.js";
import { progressText } from "./progress-text.js";
import type { ClosableReport } from "./reports.js";

/** A task's progress is printed at most this often; later after this share of its time, so that a long one fills no log. */
const PROGRESS_EVERY_MS = 5000;
const PROGRESS_SHARE = 1 / 20;

interface Running {
  readonly task: TaskStart;
  readonly startedAt: number;
  lastPrintedAt: number;
  /** Whether it says itself how far it is. */
  progresses: boolean;
}

/** Progress as plain lines, one event a line, for logs, cron and pipes. What is told of the whole is not of its parts. */
export function linesReport(print: (line: string) => void, now: () => number = Date.now): ClosableReport {
  const running = new Map<string, Running>();
  return {
    begin(task) {
      running.set(task.id, { task, startedAt: now(), lastPrintedAt: now(), progresses: false });
      print(`${task.title} …`);
    },
    progress(id, progress) {
      const entry = running.get(id);
      if (entry === undefined) return;
      entry.progresses = true;
      if (running.get(entry.task.parent ?? "")?.progresses) return;
      const every = Math.max(PROGRESS_EVERY_MS, (now() - entry.startedAt) * PROGRESS_SHARE);
      if (now() - entry.lastPrintedAt < every) return;
      entry.lastPrintedAt = now();
      print(`${entry.task.title}: ${progressText(progress)}`);
    },
    end(id, outcome) {
      const entry = running.get(id);
      if (entry === undefined) return;
      running.delete(id);
      const detail = outcome.detail === undefined ? "" : `: ${outcome.detail}`;
      print(`${entry.task.title}: ${outcome.state} in ${formatDuration(now() - entry.startedAt)}${detail}`);
    },
    note: (note) => print(`${note.severity}: ${note.text}`),
    close: () => undefined,
  };
}
