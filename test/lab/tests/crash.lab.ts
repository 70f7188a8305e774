import assert from "node:assert/strict";
import { formatDuration } from "../../../src/lib/units.js";
import { CUTOVER_STEPS, type CutoverResult } from "../../../src/migrators/cutover/index.js";
import type { StageResult } from "../../../src/migrators/staging/index.js";
import { begins, type Move } from "./cluster/move.js";
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
      await guest.requireOneCopy(log);
      await guest.takeNumber();
    }
    const { passes } = await move.run<StageResult>("stage", GUEST);
    assert.ok(passes.length > 0);
    await guest.takeNumber();
  });

  it("is cut over to the end, with one copy at every moment and no number lost", async function () {
    this.timeout(HOURS);
    for (const { name } of CUTOVER_STEPS) {
      const { status, output } = await move.disturbed(GUEST, "cutover", begins(name), (kill) => kill());
      assert.equal(status, undefined, `it was not killed in ${name}: ${output}`);
      log(`cutover killed in ${name}`);
      await guest.requireOneCopy(log);
    }
    const { downtimeMs } = await move.run<CutoverResult>("cutover", GUEST);
    log(`${formatDuration(downtimeMs)} of downtime, with all that`);
    await guest.takeNumber();
    await guest.requireOneCopy(log);
  });
});
