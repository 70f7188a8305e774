import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { count, runSuite } from "./suite.js";

const SUITE = "../shared/pacemaker-suite";

/** What has been reached, as pacemaker_compare.py counts; raised with each improvement, never lowered. */
const REACHED = {
  core: { L1: 340, L2: 340, L3: 340 },
  extended: { L1: 105, L2: 107, L3: 107 },
  rest: { L1: 139, L2: 141, L3: 140 },
} as const;

describe("the scheduler against Pacemaker's regression suite", function () {
  this.timeout(120_000);
  for (const [tier, reached] of Object.entries(REACHED)) {
    it(`decides at least as many ${tier} cases as before`, async function () {
      if (!existsSync(SUITE)) {
        console.log(`      skipped: there is no ${SUITE}`);
        this.skip();
      }
      const { results } = await runSuite(SUITE, { tier });
      const counts = count(results);
      for (const [level, least] of Object.entries(reached)) {
        const found = counts[level as keyof typeof reached];
        assert.ok(found >= least, `${tier} ${level}: ${found} instead of ${least}`);
      }
      const silent = results.filter(({ levels, why }) => !levels.L2 && why === undefined);
      assert.deepEqual(
        silent.map((each) => each.case.case),
        [],
        "decided otherwise than Pacemaker decides, without a word",
      );
    });
  }
});
