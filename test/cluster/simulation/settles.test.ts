import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { whatIf } from "../../../src/cluster/simulation/what-if.js";
import { parseXml } from "../../../src/lib/xml.js";

const CASE = "../shared/pacemaker-suite/cib/cloned-group-stop.xml";

describe("a simulation", () => {
  it("comes to rest when cloned groups cannot start again: nothing watches what is not there", async function () {
    if (!existsSync(CASE)) {
      console.log(`      skipped: there is no ${CASE}`);
      this.skip();
    }
    const cib = parseXml(readFileSync(CASE, "utf8"), CASE);
    const { rounds, settled } = await whatIf(cib, { injections: [], failures: [], now: Date.UTC(2026, 10, 22) });
    assert.equal(settled, true);
    assert.deepEqual(
      rounds.flatMap(({ carriedOut }) => [...carriedOut.failed]),
      [],
    );
  });
});
