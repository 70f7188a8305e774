import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { killGroup } from "../../../lib/process-group.js";

/**
 * The agents that are under way, remembered in a folder. An agent outlives a runtime that is killed: the next one
 * must end it before it looks at what runs, or a start of the old one could meet a start of the new one.
 */
export interface UnderWay {
  began(pid: number): void;
  ended(pid: number): void;
  /** Kills what an earlier runtime left under way. @returns the process ids */
  endLeftOvers(): readonly number[];
}

export function underWay(folder: string, onProblem: (message: string) => void): UnderWay {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = (pid: number | string): string => join(folder, `${pid}`);
  return {
    began(pid) {
      try {
        writeFileSync(file(pid), identity(pid) ?? "");
      } catch (thrown) {
        // Not a reason to stop keeping guests alive: it matters only if the runtime is killed within this operation.
        onProblem(`cannot remember that process ${pid} is under way: ${String(thrown)}`);
      }
    },
    ended(pid) {
      rmSync(file(pid), { force: true });
    },
    endLeftOvers() {
      return readdirSync(folder).flatMap((name) => {
        const pid = Number(name);
        const known = readFileSync(file(name), "utf8");
        rmSync(file(name), { force: true });
        // Process ids are used again: only the very process that was remembered is meant.
        if (!Number.isInteger(pid) || known === "" || identity(pid) !== known) return [];
        killGroup(pid);
        return [pid];
      });
    },
  };
}

/** What makes a process the same one: boot id and start time (field 22 of /proc/PID/stat). Undefined when it is gone. */
function identity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return `${bootId()} ${fields[19] ?? ""}`;
  } catch {
    return undefined;
  }
}

/** Another one after every start of the machine. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
