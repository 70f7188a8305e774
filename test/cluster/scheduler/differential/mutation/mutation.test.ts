import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { hasCrmSimulate } from "../../../../helpers/crm-simulate.js";
import { MUTATIONS, mutants, tryMutant } from "./mutate.js";

const SUITE = new URL("../../../../../../shared/pacemaker-suite", import.meta.url).pathname;
/** Of the cases of a KVM cluster, one in so many is changed. */
const STRIDE = 4;
/** How many of these have to be decided as Pacemaker does, order included; only ever raised. */
const EQUAL = 83;

describe("the scheduler against crm_simulate on cases of the regression suite with one thing changed", function () {
  this.timeout(60_000);

  it(`decides at least ${String(EQUAL)} as Pacemaker does`, async function () {
    if (!existsSync(SUITE) || !hasCrmSimulate()) {
      console.log("      skipped: there is no suite or no crm_simulate (package pacemaker-cli-utils)");
      this.skip();
    }
    const kinds = Object.keys(MUTATIONS);
    const all = [...mutants(SUITE, { tier: "core", seed: 1, kinds, each: 1 })];
    let equal = 0;
    const different: string[] = [];
    for (const mutant of all.filter((_, index) => index % STRIDE === 0)) {
      const tried = await tryMutant(mutant);
      if (tried === undefined) continue;
      if (tried.levels.L3) equal += 1;
      else different.push(`${mutant.name}\n${tried.lines.join("\n")}`);
    }
    assert.ok(equal >= EQUAL, `${String(equal)} are equal\n${different.join("\n")}`);
  });
});
