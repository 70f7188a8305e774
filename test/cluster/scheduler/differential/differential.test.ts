import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import fc from "fast-check";
import { differences, identities, precedence } from "../../../conformance/compare.js";
import { hasCrmSimulate } from "../../../helpers/crm-simulate.js";
import { KNOWN } from "./known.js";
import { shapes, type Shape } from "./shape.js";
import { decide, decideOn, type Outcome } from "./simulate.js";

const RUNS = 500;
const SEED = 3;
/** Of the random clusters, how many have to be decided exactly as Pacemaker does, order included; only ever raised. */
const EQUAL = 497;
const FIXTURES = new URL("fixtures/", import.meta.url).pathname;

describe("the scheduler against crm_simulate on random KVM clusters", function () {
  this.timeout(300_000);
  before(function () {
    if (hasCrmSimulate()) return;
    console.log("      skipped: there is no crm_simulate (package pacemaker-cli-utils)");
    this.skip();
  });

  for (const name of readdirSync(FIXTURES).sort()) {
    const known = KNOWN[name];
    it(known === undefined ? `decides ${name} as Pacemaker does` : `still differs on ${name}: ${known}`, async () => {
      const outcome = await decideOn(FIXTURES + name);
      assert.equal(outcome.levels.L3, known === undefined, explain(outcome));
    });
  }

  it(`decides at least ${String(EQUAL)} of ${String(RUNS)} as Pacemaker does`, async () => {
    const outcomes = await inPairs(fc.sample(shapes, { numRuns: RUNS, seed: SEED }));
    const different = outcomes.filter(({ levels }) => !levels.L3);
    const equal = outcomes.length - different.length;
    const found = different.map((each) => `case ${String(outcomes.indexOf(each))}\n${explain(each)}`).join("\n");
    assert.ok(equal >= EQUAL, `${String(equal)} are equal; shrink one with index.ts in this folder\n${found}`);
  });
});

/** Two processes at a time. */
async function inPairs(cases: readonly Shape[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < cases.length; index = next++)
      outcomes[index] = await decide(cases[index] as Shape);
  };
  await Promise.all([work(), work()]);
  return outcomes;
}

function explain({ expected, actual, levels }: Pick<Outcome, "expected" | "actual" | "levels">): string {
  const view = levels.L2 ? precedence : identities;
  return differences(view(expected), view(actual)).join("\n");
}
