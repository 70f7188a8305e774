import assert from "node:assert/strict";
import { formatDuration } from "../../../src/lib/units.js";
import { CUTOVER_STEPS, type CutoverResult } from "../../../src/migrators/cutover/index.js";
import type { GuestRecord, StepRecord } from "../../../src/migrators/guest-store.js";
import type { StageResult } from "../../../src/migrators/staging/index.js";
import type { Move } from "./cluster/move.js";
import { MovedDomain } from "./cluster/moved-domain.js";

const log = (line: string): void => console.log(`      ${line}`);
const HOURS = 3_600_000;
const GUEST = "web1";
/** Records of a stage after which it is killed, one run after the other: its plan, its passes, what follows changes. */
const STAGE_KILLED_AT = [1, 2, 3, 4];

describe("rehome killed at every step", () => {
  let move: Move;
  let guest: MovedDomain;

  before(async () => {
    guest = await MovedDomain.prepare(GUEST, log);
    ({ move } = guest);
  });
  after(() => guest.cluster.close());

  /** At most one copy runs, it is the one that counts, and it is said what to type. */
  async function requireOneCopy(): Promise<void> {
    const { authoritative, next } = await guest.overview(log);
    const where = [...((await guest.runsOnSource()) ? ["dom0"] : []), ...(await guest.hosts())];
    log(`  it runs on ${where.join(" and ") || "none"}`);
    assert.ok(where.length <= 1);
    if (authoritative === "source") assert.ok(where.every((machine) => machine === "dom0"));
    if (authoritative === "guest") assert.ok(!where.includes("dom0"));
    assert.match(next, /rehome/);
  }

  it("is staged to the end after each", async function () {
    this.timeout(HOURS);
    for (const count of STAGE_KILLED_AT) {
      const { status, output, records } = await move.disturbed(
        GUEST,
        "stage",
        (_, index) => index + 1 >= count,
        (kill) => kill(),
      );
      assert.equal(status, undefined, `it was not killed: ${output}`);
      log(`stage killed after ${records.map(({ type }) => type).join(", ")}`);
      await requireOneCopy();
      await guest.takeNumber();
    }
    const { passes } = await move.run<StageResult>("stage", GUEST);
    assert.ok(passes.length > 0);
    await guest.takeNumber();
  });

  it("is cut over to the end, with one copy at every moment and no number lost", async function () {
    this.timeout(HOURS);
    for (const { name } of CUTOVER_STEPS) {
      const { status, output } = await move.disturbed(
        GUEST,
        "cutover",
        (record) => isBegin(record) && record.step === name,
        (kill) => kill(),
      );
      assert.equal(status, undefined, `it was not killed in ${name}: ${output}`);
      log(`cutover killed in ${name}`);
      await requireOneCopy();
    }
    const { downtimeMs } = await move.run<CutoverResult>("cutover", GUEST);
    log(`${formatDuration(downtimeMs)} of downtime, with all that`);
    await guest.takeNumber();
    await requireOneCopy();
  });
});

function isBegin(record: GuestRecord): record is StepRecord {
  return record.type === "step" && record.event === "started";
}
