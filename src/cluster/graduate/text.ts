import { wrap } from "../../lib/view/table.js";
import type { GraduationPlan } from "./plan.js";

/** What would be done, as a program reads it. */
export interface GraduationJson {
  readonly source: string;
  readonly goesOn: boolean;
  readonly resources: readonly { readonly id: string; readonly role: string }[];
  readonly starts: readonly string[];
  readonly leftOut: GraduationPlan["leftOut"];
  readonly blockers: readonly string[];
}

export function graduationJson(plan: GraduationPlan): GraduationJson {
  const { source, expected, starts, leftOut, blockers } = plan;
  return { source: source.path, goesOn: source.begun, resources: expected, starts, leftOut, blockers };
}

/** A plan as lines for a person. */
export function graduationText(plan: GraduationPlan, { pinned }: { readonly pinned: boolean }): readonly string[] {
  const { source, runtime, expected, starts, leftOut, blockers, managed } = plan;
  const running = expected.filter(({ role }) => role !== "stopped").map(({ id }) => id);
  const stopped = expected.filter(({ role }) => role === "stopped").map(({ id }) => id);
  const lines = [
    source.begun ? `an earlier run began: this goes on with ${source.path}` : `from ${source.path}`,
    ...(runtime.pid === undefined
      ? ["no runtime answers"]
      : [`the runtime (process ${runtime.pid}) ends, its resources go on`]),
    ...(running.length > 0 ? [`running, and must not be touched: ${running.join(", ")}`] : []),
    ...(stopped.length > 0 ? [`stopped: ${stopped.join(", ")}`] : []),
    ...(managed ? ["Pacemaker manages them already"] : []),
    ...(starts.length > 0 ? [`Pacemaker would start ${starts.join(", ")}`] : []),
    ...(pinned && running.length + stopped.length > 0
      ? ["they stay on this machine, where their data is (constraints loc-…-stays); --anywhere leaves that out"]
      : []),
    ...leftOut.map(({ what, why }) => `left out: ${what} (${why})`),
    ...blockers.map((blocker) => `in the way: ${blocker}`),
  ];
  return lines.flatMap((line) => wrap(line, 78).map((part, at) => (at === 0 ? part : `  ${part}`)));
}

/** How to undo a graduation by hand; what runs goes on meanwhile. */
export function wayBack(archive: string, cib: string, ids: readonly string[]): readonly string[] {
  return [
    "the way back, without stopping anything:",
    `  rehome cluster unmanage, of each: ${ids.join(", ")}`,
    "  systemctl disable --now pacemaker corosync, on this host only",
    `  mv ${archive} ${cib}`,
    "  systemctl enable --now rehome-runtime",
  ];
}
