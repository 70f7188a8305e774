import type { Action, Transition } from "../scheduler/types.js";
import type { CarriedOut } from "./carry-out.js";
import { isReal } from "./what-if.js";

/** Something that is done at one stage of a transition: one verb, one place, several resources. */
export interface Step {
  /** From 1: what has the same number waits for nothing else, and goes on at the same time. */
  readonly stage: number;
  /** `start db, web on n2` */
  readonly text: string;
  readonly outcome: "done" | "failed" | "not begun";
}

/** A transition's real actions in their order; what is done alike at the same time is one step. */
export function stepsOf(transition: Transition, carriedOut?: CarriedOut): readonly Step[] {
  const stages = stagesOf(transition);
  const steps = new Map<string, Step & { readonly resources: string[]; readonly words: Words }>();
  for (const action of transition.actions.filter(isReal)) {
    const words = wordsFor(action);
    const stage = stages.get(action.id) ?? 1;
    const outcome = outcomeOf(action, carriedOut);
    const key = [String(stage).padStart(4, "0"), words.verb, words.where, outcome].join("\n");
    const step = steps.get(key) ?? { stage, text: "", outcome, resources: [], words };
    if (words.what !== "" && !step.resources.includes(words.what)) step.resources.push(words.what);
    steps.set(key, step);
  }
  return [...steps.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { stage, outcome, resources, words }]) => {
      const text = [words.verb, resources.sort().join(", "), words.where].filter((part) => part !== "").join(" ");
      return { stage, outcome, text };
    });
}

function outcomeOf({ id }: Action, carriedOut: CarriedOut | undefined): Step["outcome"] {
  if (carriedOut === undefined) return "done";
  return carriedOut.done.has(id) ? "done" : carriedOut.failed.has(id) ? "failed" : "not begun";
}

interface Words {
  readonly verb: string;
  readonly what: string;
  readonly where: string;
}

function wordsFor({ task, node, resource, intervalMs, meta, key }: Action): Words {
  const what = resource?.id ?? key.replace(/_[a-z-]+_\d+$/, "");
  const where = node === undefined ? "" : `on ${node}`;
  const interval = `every ${intervalMs / 1000} s`;
  switch (task) {
    case "stonith":
      return { verb: `fence ${node ?? ""} (${meta["stonith_action"] ?? "reboot"})`, what: "", where: "" };
    case "do_shutdown":
      return { verb: `shut down ${node ?? ""}`, what: "", where: "" };
    case "monitor":
      return intervalMs === 0
        ? { verb: "probe", what, where }
        : { verb: "monitor", what, where: `${where} ${interval}` };
    case "cancel":
      return { verb: "end the monitor of", what, where: `${where} ${interval}` };
    case "migrate_to":
      return { verb: "migrate", what, where: `${where} to ${meta["migrate_target"] ?? "another node"}` };
    case "migrate_from":
      return { verb: "take in", what, where: `${where} from ${meta["migrate_source"] ?? "another node"}` };
    case "clear_failcount":
      return { verb: "forget the failures of", what, where };
    case "delete":
    case "lrm_delete":
      return { verb: "forget the history of", what, where };
    default:
      return { verb: task, what, where };
  }
}

/** How many real actions come before each, one after the other, and itself. */
function stagesOf({ actions, orders }: Transition): ReadonlyMap<string, number> {
  const real = new Set(actions.filter(isReal).map(({ id }) => id));
  const before = new Map<string, string[]>();
  for (const { first, then } of orders) before.set(then, [...(before.get(then) ?? []), first]);
  const stages = new Map<string, number>();
  const stageOf = (id: string): number => {
    const known = stages.get(id);
    if (known !== undefined) return known;
    stages.set(id, 0); // ends a circle of orders
    const stage = Math.max(0, ...(before.get(id) ?? []).map(stageOf)) + (real.has(id) ? 1 : 0);
    stages.set(id, stage);
    return stage;
  };
  for (const { id } of actions) stageOf(id);
  return stages;
}
