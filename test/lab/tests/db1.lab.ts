import assert from "node:assert/strict";
import type { RollbackResult } from "../../../src/migrators/cutover/index.js";
import type { StageResult } from "../../../src/migrators/staging/index.js";
import { DomainUnderLoad } from "./cluster/domain-under-load.js";
import { eventually } from "./eventually.js";
import { askLedger } from "./ledger.js";

const log = (line: string): void => console.log(`      ${line}`);
const BOOT_MS = 20 * 60_000;

describe("a whole disk started by pygrub, moved from a Xen host onto the cluster while it is written to, and back", () => {
  let db1: DomainUnderLoad | undefined;

  before(async () => {
    db1 = await DomainUnderLoad.prepare("db1", log);
  });
  after(() => db1?.close());

  function domain(): DomainUnderLoad {
    assert.ok(db1);
    return db1;
  }

  it("is copied while it runs", () => domain().stage());

  it("runs on the cluster afterwards, with every number that it gave out", () => domain().cutOver(BOOT_MS));

  it("goes back to the domain that it was, as it was at the cutover", async () => {
    const { client, guest } = domain();
    await client.stop();
    domain().requireInOrder();
    const { sourceAnswers } = await guest.move.run<RollbackResult>("rollback", guest.name);
    assert.equal(sourceAnswers, true);
    assert.deepEqual(await guest.hosts(), []);
    assert.equal(await guest.runsOnSource(), true);
    let number = 0;
    await eventually(BOOT_MS, async () => {
      number = await askLedger(guest.address);
    });
    const last = client.last?.number ?? 0;
    assert.ok(number > 1 && number <= last, `${number}, and ${last} was given out by the guest`);
    const next = await guest.move.run<StageResult>("stage", guest.name, "--passes", "1");
    assert.ok(next.passes.length > 0);
  });
});
