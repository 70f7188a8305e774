import { OP_STATUS } from "../cib/record.js";
import type { RuntimeEvent } from "./types.js";

/** OCF's return codes, in words. */
const RC_WORDS: Readonly<Record<number, string>> = {
  0: "ok",
  1: "error",
  2: "invalid parameter",
  3: "unimplemented",
  4: "insufficient privileges",
  5: "not installed",
  6: "not configured",
  7: "not running",
  8: "promoted",
  9: "promoted, failed",
  190: "degraded",
  191: "promoted, degraded",
};

export function rcWords(rc: number): string {
  return RC_WORDS[rc] ?? `unknown code ${rc}`;
}

/** What a status other than done says of an operation. */
export function statusWords(status: number): string | undefined {
  if (status === OP_STATUS.done) return undefined;
  return (Object.entries(OP_STATUS).find(([, value]) => value === status)?.[0] ?? `${status}`).replace(
    /[A-Z]/g,
    (letter) => ` ${letter.toLowerCase()}`,
  );
}

/** What a probe may find: it looks at what is there, so none of these is a failure. */
const FOUND = [0, 7, 8];

/** An event as lines for the log: the first says what happened, more are an agent's output. */
export function eventLines(event: RuntimeEvent): readonly string[] {
  switch (event.type) {
    case "transition":
      return [`transition ${event.id}: ${plural(event.actions, "action")}, because ${event.reason}`];
    case "transition-end":
      return [`transition ${event.id} ${event.state}${event.why === "" ? "" : `: ${event.why}`}`];
    case "operation": {
      const interval = event.intervalMs > 0 ? ` every ${event.intervalMs / 1000} s` : "";
      const result = statusWords(event.status) ?? `${rcWords(event.rc)} (${event.rc})`;
      const reason = event.exitReason === "" ? "" : `: ${event.exitReason}`;
      const output = event.output === "" ? [] : event.output.split("\n").map((line) => `  | ${line}`);
      if (
        event.task === "monitor" &&
        event.intervalMs === 0 &&
        event.status === OP_STATUS.done &&
        FOUND.includes(event.rc)
      ) {
        return [`${event.node}: ${event.resource} found ${event.rc === 0 ? "running" : rcWords(event.rc)}`];
      }
      const failed = event.failed ? "FAILED, " : "";
      return [`${event.node}: ${event.resource} ${event.task}${interval}: ${failed}${result}${reason}`, ...output];
    }
    case "fail-count":
      return [`${event.node}: ${event.resource} fail-count is ${event.value}`];
    case "attribute":
      return [`${event.node}: attribute ${event.name} ${event.value === undefined ? "removed" : `= ${event.value}`}`];
    case "fence":
      return [
        `${event.node}: fencing (${event.action}) ${event.failure === undefined ? "done" : `FAILED: ${event.failure}`}`,
      ];
    case "node":
      return [`${event.node}: ${event.state}`];
    case "problem":
      return [`problem: ${event.message}`];
  }
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
