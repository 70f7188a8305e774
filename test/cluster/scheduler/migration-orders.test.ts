import assert from "node:assert/strict";
import { decide, done, migratable, precedes, primitive } from "./two-nodes.js";

const ORDER = `<rsc_order id="o" first="a" then="b"/>`;

describe("live migration and orders", () => {
  it("sends the second guest off when the first has arrived", () => {
    const transition = decide({
      resources: migratable("a") + migratable("b"),
      constraints: ORDER,
      standby: ["n1"],
      running: ["a", "b"],
    });
    const moves = [
      "migrate_from a n2",
      "migrate_from b n2",
      "migrate_to a n1",
      "migrate_to b n1",
      "stop a n1",
      "stop b n1",
    ];
    assert.deepEqual(done(transition), moves);
    assert.ok(precedes(transition, "a_migrate_from_0", "b_migrate_to_0"));
    assert.ok(!precedes(transition, "b_migrate_from_0", "a_migrate_to_0"));
  });

  it("sends a guest off when what needs it has been stopped", () => {
    const transition = decide({
      resources: migratable("a") + primitive("b"),
      constraints: `${ORDER}<rsc_colocation id="c" rsc="b" with-rsc="a" score="INFINITY"/>`,
      standby: ["n1"],
      running: ["a", "b"],
    });
    assert.deepEqual(done(transition), [
      "migrate_from a n2",
      "migrate_to a n1",
      "start b n2",
      "stop a n1",
      "stop b n1",
    ]);
    assert.ok(precedes(transition, "b_stop_0", "a_migrate_to_0"));
    assert.ok(precedes(transition, "a_migrate_from_0", "b_start_0"));
  });

  it("leaves what comes after a guest alone while the guest migrates", () => {
    const transition = decide({
      resources: migratable("a") + primitive("b"),
      constraints: `${ORDER}<rsc_location id="l" rsc="a" node="n1" score="-INFINITY"/>`,
      running: ["a", "b"],
    });
    assert.deepEqual(done(transition), ["migrate_from a n2", "migrate_to a n1", "stop a n1"]);
  });
});
