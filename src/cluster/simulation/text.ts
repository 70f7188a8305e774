import { table, wrap } from "../../lib/view/table.js";
import type { Score } from "../scheduler/types.js";
import { hasChanged, nodeChanges, resourceChanges, type Change } from "./changes.js";
import { stepsOf, type Step } from "./steps.js";
import type { Simulation } from "./what-if.js";

const WIDTH = 80;

/** A simulation as lines for a person: what is to be done in its order, then everything before and after. */
export function simulationText(simulation: Simulation): readonly string[] {
  const { before, after, rounds, decided, unsupported, settled, warnings } = simulation;
  const plans =
    unsupported.length > 0 ? [stepsOf(decided)] : rounds.map((one) => stepsOf(one.transition, one.carriedOut));
  return [
    ...unsupported.map((feature) => `NOT TO BE TRUSTED: the CIB uses ${feature}, which rehome does not understand`),
    ...warnings.flatMap((warning) => indented("warning: ", warning)),
    ...(unsupported.length + warnings.length > 0 ? [""] : []),
    ...(plans.length === 0 ? ["nothing is to be done", ""] : plans.flatMap(planText)),
    ...changesText("NODE", nodeChanges(before, after)),
    "",
    ...changesText("RESOURCE", resourceChanges(before, after)),
    ...(settled || unsupported.length > 0
      ? []
      : ["", ...wrap("this does not come to rest: the last step would be tried again and again", WIDTH)]),
  ];
}

function planText(steps: readonly Step[], index: number): readonly string[] {
  const title = index === 0 ? "what is done (the same number: at the same time)" : "then, after that";
  return [
    title,
    ...steps.flatMap(({ stage, text, outcome }) => {
      const said = outcome === "done" ? "" : outcome === "failed" ? "FAILS: " : "not begun: ";
      return indented(`  ${String(stage).padStart(2)}  `, `${said}${text}`);
    }),
    "",
  ];
}

function indented(start: string, text: string): readonly string[] {
  return wrap(text, WIDTH - start.length).map((line, at) => `${at === 0 ? start : " ".repeat(start.length)}${line}`);
}

/** Three columns; where they are too wide, each state has a line of its own. What changes is marked. */
function changesText(title: string, changes: readonly Change[]): readonly string[] {
  const rows = changes.map((change) => [
    `${hasChanged(change) ? "*" : " "} ${change.name}`,
    change.before,
    change.after,
  ]);
  const widest = (column: number): number => Math.max(0, ...rows.map((row) => (row[column] ?? "").length));
  if (widest(0) + widest(1) + Math.max(widest(2), 5) + 4 <= WIDTH)
    return table([`  ${title}`, "BEFORE", "AFTER"], rows);
  return changes.flatMap((change) =>
    hasChanged(change)
      ? [
          ...indented("* ", change.name),
          ...indented("    before  ", change.before),
          ...indented("    after   ", change.after),
        ]
      : [...indented("  ", change.name), ...indented("    ", change.before)],
  );
}

/** Scores that the scheduler decided by, as a table. */
export function scoresText(scores: readonly Score[]): readonly string[] {
  const rows = scores.map(({ resource, node, score, stage }) => [stage, resource, node ?? "-", scoreText(score)]);
  return table(["STAGE", "RESOURCE", "NODE", "SCORE"], rows, { right: [3] });
}

function scoreText(score: number): string {
  return Math.abs(score) < 1_000_000 ? String(score) : score < 0 ? "-INFINITY" : "INFINITY";
}
