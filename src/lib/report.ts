/**
 * What long work says while it runs. Library code calls these; the view (src/lib/view) shows them: a task list on a
 * terminal, plain lines elsewhere, nothing under --json.
 */
export interface Report {
  /** A task begins. Its id is unique in the run; a task with a parent is shown below it. */
  begin(task: TaskStart): void;
  /** How far a task is; as often as the worker likes, the view decides how often to show it. */
  progress(id: string, progress: TaskProgress): void;
  /** A task is over. */
  end(id: string, outcome: TaskOutcome): void;
  /** Something worth knowing that is no task. */
  note(note: Note): void;
}

export interface TaskStart {
  readonly id: string;
  readonly title: string;
  readonly parent?: string;
}

export interface TaskProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Bytes per second over the last few seconds. */
  readonly rate: number;
  /** Until this task is done, in ms; undefined while nobody can tell. */
  readonly etaMs?: number;
  /** A few words more, such as `38 % zero, 61 % unchanged`. */
  readonly detail?: string;
}

export interface TaskOutcome {
  readonly state: "done" | "skipped" | "failed";
  /** A few words: what came out, why skipped, what failed. */
  readonly detail?: string;
}

export interface Note {
  readonly severity: "info" | "warning";
  readonly text: string;
}

/** For callers that want no reports. */
export const silentReport: Report = {
  begin: () => undefined,
  progress: () => undefined,
  end: () => undefined,
  note: () => undefined,
};

/** A report whose tasks and notes all say whose they are, for several pieces of work at once. */
export function labelled(report: Report, label: string): Report {
  const own = (id: string): string => `${label} ${id}`;
  return {
    begin: ({ id, title, parent }) =>
      report.begin({ id: own(id), title: `${label}: ${title}`, ...(parent !== undefined && { parent: own(parent) }) }),
    progress: (id, progress) => report.progress(own(id), progress),
    end: (id, outcome) => report.end(own(id), outcome),
    note: ({ severity, text }) => report.note({ severity, text: `${label}: ${text}` }),
  };
}

/** Runs `work` as a reported task: begins it, and ends it as done or failed. */
export async function reported<T>(
  report: Report,
  task: TaskStart,
  work: () => Promise<T>,
  summarise?: (result: T) => string,
): Promise<T> {
  report.begin(task);
  try {
    const result = await work();
    report.end(task.id, { state: "done", ...(summarise && { detail: summarise(result) }) });
    return result;
  } catch (thrown) {
    report.end(task.id, { state: "failed", detail: thrown instanceof Error ? thrown.message : String(thrown) });
    throw thrown;
  }
}
