import { describeConcern } from "../../lib/view/concern-text.js";
import type { Examined } from "./examine.js";
import type { ClusterPlan } from "./plan.js";
import { stepText } from "./steps/text.js";

/** A plan as lines for people: what is to be done on each machine, in order and why, then the concerns. */
export function planText({ steps, concerns }: ClusterPlan, { diffs }: { readonly diffs: boolean }): readonly string[] {
  const needed = steps.filter((step) => step.needed);
  const machines = [...new Set(steps.map(({ step }) => step.machine))];
  return [
    ...machines.flatMap((machine) => {
      const own = needed.filter(({ step }) => step.machine === machine);
      if (own.length === 0) return [`${machine}: nothing to do`];
      return [
        `${machine}: ${own.length} step${own.length === 1 ? "" : "s"}`,
        ...own.flatMap((each) => stepLines(each, diffs)),
        "",
      ];
    }),
    ...concerns.flatMap((concern) => {
      const about = concern.machine === undefined ? "" : `${concern.machine}: `;
      return describeConcern({ ...concern, message: `${about}${concern.message}` });
    }),
  ];
}

function stepLines({ step, diff, exists }: Examined, diffs: boolean): readonly string[] {
  const isNew = step.kind === "file" && exists === false ? " (new)" : "";
  const why = step.kind === "wait" ? [] : [`      ${step.why}`];
  const hidden = step.kind === "file" && step.secret ? ["      its content is not shown"] : [];
  return [
    `  ${stepText(step)}${isNew}`,
    ...why,
    ...hidden,
    ...(diffs && diff !== ""
      ? diff
          .trimEnd()
          .split("\n")
          .map((line) => `      ${line}`)
      : []),
  ];
}

/** A plan for programs. */
export function planJson({ steps, concerns }: ClusterPlan): PlanJson {
  return {
    steps: steps
      .filter(({ needed }) => needed)
      .map(({ step, diff }) => ({
        machine: step.machine,
        kind: step.kind,
        what: stepText(step),
        why: step.why,
        ...(diff !== "" && { diff }),
      })),
    concerns,
  };
}

export interface PlanJson {
  readonly steps: readonly {
    readonly machine: string;
    readonly kind: string;
    readonly what: string;
    readonly why: string;
    readonly diff?: string;
  }[];
  readonly concerns: ClusterPlan["concerns"];
}
