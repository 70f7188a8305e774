import { appendFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { MUTATIONS, mutants, tryMutant } from "./mutate.js";

/**
 * By hand, on any folder with `cases.json` and `cib/`:
 * `node --import tsx test/cluster/scheduler/differential/mutation/index.ts --suite FOLDER --tier core --seed 1 --save FOLDER`.
 */
const { values } = parseArgs({
  options: {
    suite: { type: "string", default: "../shared/pacemaker-suite" },
    tier: { type: "string", default: "core" },
    seed: { type: "string", default: "1" },
    /** Mutations that begin so only. */
    kind: { type: "string", default: "" },
    /** One case only. */
    case: { type: "string" },
    /** How many of each case; `all` for one of each kind. */
    each: { type: "string", default: "1" },
    /** Where mutants decided differently are kept. */
    save: { type: "string" },
    /** Where a line of JSON for each difference is added. */
    out: { type: "string" },
  },
});

const kinds = Object.keys(MUTATIONS).filter((name) => name.startsWith(values.kind));
const each = values.each === "all" ? kinds.length : Number(values.each);
const counts = { tried: 0, refused: 0, L1: 0, L2: 0, L3: 0 };
const queue = mutants(values.suite, { tier: values.tier, only: values.case, seed: Number(values.seed), kinds, each });
const work = async (): Promise<void> => {
  for (let next = queue.next(); next.done !== true; next = queue.next()) {
    const mutant = next.value;
    const outcome = await tryMutant(mutant, values.save);
    if (outcome === undefined) {
      counts.refused += 1;
      continue;
    }
    const { levels, lines } = outcome;
    counts.tried += 1;
    for (const level of ["L1", "L2", "L3"] as const) if (levels[level]) counts[level] += 1;
    if (levels.L1 && levels.L3) continue;
    const level = !levels.L2 ? "L2" : !levels.L3 ? "L3" : "L1";
    console.log(`${mutant.name} ${level}: ${lines.slice(0, 3).join(" | ")}`);
    if (values.out !== undefined)
      appendFileSync(values.out, `${JSON.stringify({ name: mutant.name, level, lines })}\n`);
  }
};
await Promise.all([work(), work()]);
console.log(JSON.stringify(counts));
