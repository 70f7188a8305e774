import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { differences, identities, precedence } from "../../../conformance/compare.js";
import { shapes, type Shape } from "./shape.js";
import { decide, type Outcome } from "./simulate.js";

/** By hand: `node --import tsx test/cluster/scheduler/differential/index.ts --runs 500 --seed 1 --shrink 17 --save FILE`. */
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "500" },
    seed: { type: "string", default: "1" },
    shrink: { type: "string" },
    save: { type: "string" },
  },
});
const [runs, seed] = [Number(values.runs), Number(values.seed)];

if (values.shrink !== undefined) await shrink(values.shrink);
else await list();

async function list(): Promise<void> {
  let [equal2, equal3] = [0, 0];
  const cases = fc.sample(shapes, { numRuns: runs, seed });
  for (const [index, shape] of cases.entries()) {
    const outcome = await decide(shape);
    if (outcome.levels.L2) equal2 += 1;
    if (outcome.levels.L3) equal3 += 1;
    else console.log(`${String(index)} ${outcome.levels.L2 ? "L3" : "L2"}: ${lines(outcome).slice(0, 3).join(" | ")}`);
  }
  console.log(`L2 ${String(equal2)}/${String(runs)}, L3 ${String(equal3)}/${String(runs)}`);
}

async function shrink(path: string): Promise<void> {
  let last: Outcome | undefined;
  const differs = async (shape: Shape): Promise<boolean> => {
    const outcome = await decide(shape);
    if (!outcome.levels.L3) last = outcome;
    return outcome.levels.L3;
  };
  await fc.check(fc.asyncProperty(shapes, differs), { seed, path, interruptAfterTimeLimit: 60_000 });
  if (last === undefined) {
    console.log("no difference");
    return;
  }
  console.log(JSON.stringify(last.shape));
  console.log(lines(last).join("\n"));
  if (values.save !== undefined) writeFileSync(values.save, last.cib);
}

function lines({ expected, actual, levels }: Outcome): readonly string[] {
  const view = levels.L2 ? precedence : identities;
  return differences(view(expected), view(actual));
}
