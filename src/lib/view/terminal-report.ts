import { Listr, ListrLogger, ProcessOutput, type ListrDefaultRendererLogLevels } from "listr2";
import type { TaskOutcome, TaskStart } from "../report.js";
import { linesReport } from "./lines-report.js";
import { progressText } from "./progress-text.js";
import type { ClosableReport } from "./reports.js";

/** A top-level task on the screen, and the tasks below it as one output line each. */
interface Shown {
  readonly start: TaskStart;
  readonly children: Map<string, { readonly title: string; text: string }>;
  own: string;
  show: (output: string) => void;
  finish: (outcome: TaskOutcome) => void;
}

/**
 * Progress as a live task list. listr2 wants its tasks beforehand and ours come as they happen, so each top-level task
 * is a list of one, and what runs below it is its output.
 */
export function terminalReport(out: NodeJS.WriteStream): ClosableReport {
  const logger = new ListrLogger<ListrDefaultRendererLogLevels>({ processOutput: new ProcessOutput(out, out) });
  let shown: Shown | undefined;
  const plain = linesReport((line) => out.write(`${line}\n`));

  function refresh(): void {
    if (shown === undefined) return;
    const lines = [...shown.children.values()].map((child) => `${child.title}  ${child.text}`);
    shown.show([...(shown.own === "" ? [] : [shown.own]), ...lines].join("\n"));
  }

  function open(start: TaskStart): Shown {
    const entry: Shown = { start, children: new Map(), own: "", show: () => undefined, finish: () => undefined };
    const over = new Promise<TaskOutcome>((resolve) => (entry.finish = resolve));
    const list = new Listr(
      [
        {
          title: start.title,
          task: async (_context, task) => {
            entry.show = (output) => (task.output = output);
            const outcome = await over;
            const detail = outcome.detail === undefined ? "" : `: ${outcome.detail}`;
            task.title = `${start.title}${detail}`;
            if (outcome.state === "skipped") task.skip(task.title);
            if (outcome.state === "failed") throw new Error(task.title);
          },
          rendererOptions: { outputBar: Infinity, persistentOutput: true },
        },
      ],
      {
        registerSignalListeners: false,
        exitOnError: false,
        rendererOptions: {
          logger,
          showErrorMessage: false,
          timer: { condition: true, field: (ms: number) => `${Math.round(ms / 1000)} s` },
        },
      },
    );
    void list.run();
    return entry;
  }

  return {
    begin(task) {
      if (shown === undefined) shown = open(task);
      else shown.children.set(task.id, { title: task.title, text: "…" });
      refresh();
    },
    progress(id, progress) {
      if (shown === undefined) return;
      const child = shown.children.get(id);
      if (child !== undefined) child.text = progressText(progress);
      else if (shown.start.id === id) shown.own = progressText(progress);
      refresh();
    },
    end(id, outcome) {
      if (shown === undefined) return;
      const child = shown.children.get(id);
      if (child !== undefined) {
        child.text = `${outcome.state}${outcome.detail === undefined ? "" : `: ${outcome.detail}`}`;
        refresh();
      } else if (shown.start.id === id) {
        shown.finish(outcome);
        shown = undefined;
      }
    },
    note(note) {
      if (shown === undefined) plain.note(note);
      else shown.children.set(`note ${shown.children.size}`, { title: `${note.severity}:`, text: note.text });
      refresh();
    },
    close() {
      shown?.finish({ state: "failed", detail: "stopped" });
      shown = undefined;
    },
  };
}
