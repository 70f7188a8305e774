import { controlOf } from "../control.js";
import type { Step } from "../sequence.js";
import type { CutoverContext } from "../types.js";

/** Never two running copies: the source is off before the guest may start. */
export const sourceOffStep: Step<CutoverContext> = {
  name: "source-off",
  title: "switch the source off",
  describe: (context) => controlOf(context).off.describe(context),
  run: (context) => controlOf(context).off.run(context),
  undo: (context) => controlOf(context).off.undo(context),
};
