import { formatDuration } from "../../lib/units.js";
import { table } from "../../lib/view/table.js";
import type { CutoverResult } from "../cutover/index.js";
import type { Outcome } from "../cutover/several.js";

/** A step of a cutover, and what it would do. */
export interface PlannedStep {
  readonly title: string;
  readonly actions: readonly string[];
}

export function planLines(steps: readonly PlannedStep[]): readonly string[] {
  return steps.flatMap(({ title, actions }, index) => [
    `${String(index + 1).padStart(2)}. ${title}`,
    ...actions.map((action) => `      ${action}`),
  ]);
}

export function resultLines({ guest, downtimeMs, shares }: CutoverResult): readonly string[] {
  const rows = shares.map(({ title, ms }) => [title, formatDuration(ms)]);
  return [
    `${guest} runs here; downtime ${formatDuration(downtimeMs)}\n`,
    ...table(["step", "downtime"], rows, { right: [1] }),
  ];
}

/** Several guests, a line each; what failed is told in full elsewhere. */
export function outcomeLines(outcomes: readonly Outcome<CutoverResult>[]): readonly string[] {
  const rows = outcomes.map((each) => [each.guest, ...wordsOf(each)]);
  return table(["guest", "outcome", "downtime"], rows, { right: [2] });
}

function wordsOf(outcome: Outcome<CutoverResult>): readonly [string, string] {
  if (outcome.state === "done") return ["runs here", formatDuration(outcome.result.downtimeMs)];
  if (outcome.state === "not-begun") return ["not begun", "-"];
  const { code } = outcome.error;
  return [code === "downtime-exceeded" ? `went back [${code}]` : `failed [${code}]`, "-"];
}
