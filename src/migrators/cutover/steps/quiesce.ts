import { controlOf } from "../control.js";
import type { Step } from "../sequence.js";
import type { CutoverContext } from "../types.js";

/** Downtime begins: the source acknowledges nothing any more. */
export const quiesceStep: Step<CutoverContext> = {
  name: "quiesce",
  title: "bring the source to rest",
  describe: (context) => controlOf(context).rest.describe(context),
  ready: async (context) => controlOf(context).rest.ready?.(context),
  holds: (context) => controlOf(context).rest.holds(context),
  run: (context) => controlOf(context).rest.run(context),
  undo: (context) => controlOf(context).rest.undo(context),
};
