import assert from "node:assert/strict";
import { runGraph } from "../../../src/cluster/runtime/graph.js";
import type { Action, Order, Transition } from "../../../src/cluster/scheduler/types.js";

function action(id: string): Action {
  return {
    ...{ id, key: id, kind: "pseudo", task: id, intervalMs: 0, timeoutMs: 0, startDelayMs: 0, targetRc: 0 },
    ...{ params: {}, meta: {}, priority: 0, canFail: false },
  };
}

function transition(ids: readonly string[], orders: readonly Order[]): Transition {
  return {
    ...{ actions: ids.map(action), orders, present: { placement: {}, nodes: {} }, scores: [] },
    ...{ unsupported: [], warnings: [] },
    settings: {
      clusterDelayMs: 0,
      stonithTimeoutMs: 0,
      batchLimit: 0,
      migrationLimit: -1,
      startFailureIsFatal: true,
    },
  };
}

describe("orders that wait for each other", () => {
  it("end the transition, name the circle, and hold up nothing else", async () => {
    const done: string[] = [];
    const orders = [
      { first: "probe", then: "a" },
      { first: "c", then: "a" },
      { first: "a", then: "b" },
      { first: "b", then: "c" },
      { first: "c", then: "behind" },
    ];
    const run = runGraph(transition(["behind", "a", "b", "c", "probe", "free"], orders), (each) => {
      done.push(each.id);
      return Promise.resolve(true);
    });
    const end = await run.ended;
    assert.deepEqual(done.sort(), ["free", "probe"]);
    assert.deepEqual({ state: end.state, skipped: end.skipped }, { state: "stuck", skipped: 4 });
    assert.match(end.why, /^(a, c, b|c, b, a|b, a, c) wait for each other$/);
  });
});
