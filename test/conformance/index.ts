import { parseArgs } from "node:util";
import { differences, graph, identities, LEVELS, places, precedence, scores, type Level } from "./compare.js";
import { runSuite, summary } from "./suite.js";

const { values } = parseArgs({
  options: {
    suite: { type: "string", default: "../shared/pacemaker-suite" },
    out: { type: "string" },
    tier: { type: "string" },
    list: { type: "string" },
    case: { type: "string" },
  },
});

const begun = performance.now();
const { results, scheduledMs } = await runSuite(values.suite, {
  out: values.out,
  tier: values.tier,
  only: values.case,
});
const level = LEVELS.find((each) => each === values.list);
for (const { case: each, levels, why } of results) {
  if (why !== undefined) console.log(`${each.case}: ${why}`);
  else if (level !== undefined && !levels[level]) console.log(`${each.case} (${each.category})`);
}
if (values.case !== undefined) explain();
for (const tier of ["core", "extended", "rest"]) {
  const some = results.filter((result) => result.case.tier === tier);
  if (some.length > 0) console.log(summary(tier, some));
}
console.log(summary("all", results));
console.log(
  `scheduled in ${(scheduledMs / 1000).toFixed(2)} s, all in ${((performance.now() - begun) / 1000).toFixed(2)} s`,
);

function explain(): void {
  for (const { expected, actual, levels } of results) {
    if (actual === undefined) continue;
    const views: readonly [Level, typeof places][] = [
      ["L1", places],
      ["L2", identities],
      ["L3", precedence],
      ["L4", graph],
    ];
    if (!levels.L1) {
      console.log("scores");
      for (const line of differences(scores(expected), scores(actual))) console.log(`  ${line}`);
    }
    for (const [name, view] of views) {
      if (levels[name]) continue;
      console.log(name);
      for (const line of differences(view(expected), view(actual))) console.log(`  ${line}`);
      if (name !== "L1") break;
    }
  }
}
