import assert from "node:assert/strict";
import type { InitResult } from "../../../src/cluster/setup/init.js";
import { restoreSnapshot, takeSnapshot } from "../snapshots.js";
import { ClusterLab } from "./cluster/finished.js";
import { initDisturbed } from "./cluster/init-process.js";
import { differences, readState, type InitState } from "./cluster/state.js";

const log = (line: string): void => console.log(`      ${line}`);
const SNAPSHOT = "before-init";
const ANSWER_MS = 5 * 60_000;

/** Steps in the middle of which rehome is killed, one run after the other: of those that the run has begun. */
const KILLED_AT = [3, 6, 9, 12, 6];

describe("rehome cluster init, again", () => {
  let cluster: ClusterLab;
  let undisturbed: InitState;

  before(async () => {
    cluster = await ClusterLab.open(log);
    await takeSnapshot(cluster.lab, SNAPSHOT);
  });
  after(() => cluster.close());

  it("changes nothing the second time", async () => {
    assert.ok((await cluster.init()).changed > 0);
    await cluster.settled();
    undisturbed = await readState(cluster);
    assert.equal((await cluster.init()).changed, 0);
    assert.deepEqual(differences(undisturbed, await readState(cluster)), []);
  });

  it("makes the same when it is killed again and again and run to its end", async () => {
    for (const machine of await restoreSnapshot(cluster.lab, SNAPSHOT)) {
      await machine.waitForSsh(ANSWER_MS);
      await machine.setClock();
    }
    for (const count of KILLED_AT) {
      const { status, begun, output } = await initDisturbed(
        cluster,
        (_, index) => index + 1 >= count,
        (kill) => kill(),
      );
      assert.equal(status, undefined, `it was not killed: ${output}`);
      const last = begun.at(-1);
      log(`killed in step ${begun.length}: ${last?.machine ?? ""}: ${last?.step ?? ""}`);
    }
    const { changed } = await cluster.rehome<InitResult>("cluster init");
    assert.ok(changed > 0);
    await cluster.settled();
    assert.deepEqual(differences(undisturbed, await readState(cluster)), []);
    assert.equal((await cluster.init()).changed, 0);
  });
});
